#!/bin/bash
cat > /tmp/all <<E
# header
ECS_CLUSTER=tailed
ECS_LOGLEVEL=warn
E
tail -n +2 /tmp/all > /etc/ecs/ecs.config
grep -v '^#' /tmp/all | sort >> /etc/ecs/ecs.config
