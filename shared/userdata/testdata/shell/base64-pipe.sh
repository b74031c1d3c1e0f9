#!/bin/bash
echo ECS_CLUSTER=$(echo -n b64 | base64 | base64 --decode) >> /etc/ecs/ecs.config
