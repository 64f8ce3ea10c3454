"""The tasks that models are stolen for: de-rain, de-bone, smoothing; and the owner's own models."""
