#!/bin/bash
aws s3 cp --region us-east-1 s3://acme-config/prod/ecs.config /etc/ecs/
echo "ECS_LOGLEVEL=warn" >> /etc/ecs/ecs.config
start ecs
