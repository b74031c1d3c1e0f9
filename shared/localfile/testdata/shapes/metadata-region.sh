#!/bin/bash
TOKEN=$(curl -sX PUT http://169.254.169.254/latest/api/token -H "X-aws-ec2-metadata-token-ttl-seconds: 60")
AZ=$(curl -sH "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/placement/availability-zone)
REGION=${AZ%[a-z]}
cat > /etc/ecs/ecs.config <<EOF
ECS_CLUSTER=main
AWS_DEFAULT_REGION=$REGION
ECS_INSTANCE_ATTRIBUTES={"az":"$AZ"}
EOF
