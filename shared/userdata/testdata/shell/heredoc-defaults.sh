#!/bin/bash
ECS_CLUSTER="web"
ECS_LOGLEVEL="warn"
cat > /etc/ecs/ecs.config <<-EOF
	ECS_CLUSTER=${ECS_CLUSTER}
	ECS_LOGLEVEL=${ECS_LOGLEVEL:-info}
	EOF
