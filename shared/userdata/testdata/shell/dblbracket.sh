#!/bin/bash
TIER="prod-web"
if [[ $TIER == prod-* && -n "$TIER" ]]; then C=prod; else C=nonprod; fi
echo ECS_CLUSTER=$C >> /etc/ecs/ecs.config
