#!/bin/bash
cp /dev/null /etc/ecs/ecs.config
printf "ECS_CLUSTER=%s\n" "p%d" >> /etc/ecs/ecs.config
printf 'ECS_RESERVED_PORTS=[%s]\n' "$(seq -s, 22 24)" >> /etc/ecs/ecs.config
