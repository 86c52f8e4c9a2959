"""Where bytes come from and go to: buckets now, image registries later."""
