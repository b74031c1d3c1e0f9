#!/bin/bash
TOKEN=$(curl -s -X PUT http://169.254.169.254/latest/api/token -H "X-aws-ec2-metadata-token-ttl-seconds: 60")
ID=$(curl -s -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/instance-id)
CLUSTER=$(aws ec2 describe-tags --filters "Name=resource-id,Values=$ID" --query 'Tags[0].Value' --output text)
echo "ECS_CLUSTER=$CLUSTER" >> /etc/ecs/ecs.config
echo "ECS_INSTANCE_ATTRIBUTES={\"id\":\"$ID\"}" >> /etc/ecs/ecs.config
