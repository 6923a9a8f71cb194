"""The job exchange."""
