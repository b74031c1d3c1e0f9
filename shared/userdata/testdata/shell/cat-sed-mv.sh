#!/bin/bash
echo ECS_CLUSTER=keep >> /etc/ecs/ecs.config
cat /etc/ecs/ecs.config | sed 's/keep/kept/' > /tmp/new && mv /tmp/new /etc/ecs/ecs.config
