#!/bin/bash
[ -f /etc/ecs/ecs.config ] && cp /etc/ecs/ecs.config /etc/ecs/ecs.config.bak
echo ECS_CLUSTER=bak > /etc/ecs/ecs.config
