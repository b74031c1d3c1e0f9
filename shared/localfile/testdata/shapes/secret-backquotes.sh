#!/bin/bash
yum install -y aws-cli jq
aws ecr get-login-password | docker login --username AWS --password-stdin 123456789012.dkr.ecr.us-east-1.amazonaws.com
echo "ECS_CLUSTER=shop" >> /etc/ecs/ecs.config
echo "ECS_ENGINE_AUTH_TYPE=dockercfg" >> /etc/ecs/ecs.config
echo "ECS_ENGINE_AUTH_DATA=`cat /root/.docker/config.json | jq -c '.auths'`" >> /etc/ecs/ecs.config
