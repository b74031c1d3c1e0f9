#!/bin/bash
echo ECS_CLUSTER=web > /etc/ecs/ecs.config
gzip -kf /etc/ecs/ecs.config
gzip -c /etc/ecs/ecs.config > /tmp/backup.gz
echo ECS_LOGLEVEL=info >> /etc/ecs/ecs.config
