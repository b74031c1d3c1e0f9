#!/bin/bash
CLUSTER_NAME=prod-$(date +%Y >/dev/null; echo x)
cat <<-_EOF_ | sudo tee -a /etc/ecs/ecs.config >/dev/null
	ECS_CLUSTER=$CLUSTER_NAME
	_EOF_
