#!/bin/bash
set -o noclobber
echo ECS_CLUSTER=a >> /etc/ecs/ecs.config
echo ECS_CLUSTER=b > /etc/ecs/ecs.config || echo ECS_LOGLEVEL=warn >> /etc/ecs/ecs.config
echo ECS_WARM_POOLS_CHECK=true >| /tmp/y
cat /tmp/y >> /etc/ecs/ecs.config
