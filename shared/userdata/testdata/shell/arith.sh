#!/bin/bash
MEM=512
echo "ECS_CLUSTER=arith" >> /etc/ecs/ecs.config
echo "ECS_RESERVED_MEMORY=$((MEM / 2))" >> /etc/ecs/ecs.config
