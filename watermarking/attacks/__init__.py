"""Attacks on marked pictures: ``parse_attack("jpeg(quality=50)")(image, rng=rng)``."""

from __future__ import annotations

from watermarking.attacks.attack import Attack
from watermarking.attacks.registry import attack_class, attack_ids, describe, parse_attack

__all__ = ["Attack", "attack_class", "attack_ids", "describe", "parse_attack"]
