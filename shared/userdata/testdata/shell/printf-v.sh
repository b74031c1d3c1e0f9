#!/bin/bash
printf -v line 'ECS_CLUSTER=%s' pv
echo "$line" >> /etc/ecs/ecs.config
printf 'ECS_RESERVED_MEMORY=%d\nECS_LOGLEVEL=%s\n' 64 warn >> /etc/ecs/ecs.config
