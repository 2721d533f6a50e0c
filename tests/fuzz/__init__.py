"""Readers against damaged and hostile files; see docs/robustness.md."""
