"""The platform's `metric`."""
