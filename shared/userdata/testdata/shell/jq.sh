#!/bin/bash
echo "ECS_CLUSTER=j" >> /etc/ecs/ecs.config
echo "ECS_INSTANCE_ATTRIBUTES=$(jq -cn --arg a b '{stack:$a}')" >> /etc/ecs/ecs.config
