#!/bin/bash
AUTH=$(aws ssm get-parameter --name /registry/auth --with-decryption --query Parameter.Value --output text)
cat <<EOF >> /etc/ecs/ecs.config
ECS_CLUSTER=shop
ECS_ENGINE_AUTH_TYPE=dockercfg
ECS_ENGINE_AUTH_DATA=$AUTH
EOF
