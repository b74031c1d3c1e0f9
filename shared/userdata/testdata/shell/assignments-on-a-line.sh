#!/bin/bash
A=1 B=2 C="$A$B"
echo "ECS_CLUSTER=c$A-$B" >> /etc/ecs/ecs.config
