#!/bin/bash
echo -n "ECS_CLUSTER=glued" >> /etc/ecs/ecs.config
echo "ECS_LOGLEVEL=debug" >> /etc/ecs/ecs.config
