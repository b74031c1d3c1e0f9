#!/bin/bash
echo "ECS_CLUSTER=$(basename /x/y/z.txt .txt)" >> /etc/ecs/ecs.config
