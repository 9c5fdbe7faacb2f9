"""Looks at a machine and an account before money depends on them: findings, each with its remedy."""
