#!/bin/bash
sudo -E bash <<'SCRIPT'
NAME=inner
echo "ECS_CLUSTER=$NAME" > /etc/ecs/ecs.config
SCRIPT
