"""Pictures as arrays, as files, and as the working plane that marks live on."""
