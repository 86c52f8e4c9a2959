"""Pages of services, and of what a version runs in."""
