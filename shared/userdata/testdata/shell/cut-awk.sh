#!/bin/bash
FULL=arn:aws:ecs:eu-west-1:123456789012:cluster/shop
NAME=$(echo "$FULL" | cut -d/ -f2)
echo "ECS_CLUSTER=$NAME" | sudo tee -a /etc/ecs/ecs.config
