"""Reading documents that contain commands or describe machines: Dockerfiles, cron, pipelines, manifests, plans."""
