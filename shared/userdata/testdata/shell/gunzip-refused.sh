#!/bin/bash
echo ECS_CLUSTER=plain > /etc/ecs/ecs.config
echo no gzip | gunzip >> /etc/ecs/ecs.config 2>/dev/null || echo ECS_LOGLEVEL=crit >> /etc/ecs/ecs.config
