#!/bin/bash
cd /etc/ecs
mkdir -p /tmp/new && cat > /tmp/new/ecs.config <<-EOF
	ECS_CLUSTER=shop
	ECS_RESERVED_MEMORY=64
EOF
(
  cat /tmp/new/ecs.config
  echo "ECS_LOGLEVEL=warn"
) > ecs.config
