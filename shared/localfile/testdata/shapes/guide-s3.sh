#!/bin/bash
yum install -y aws-cli
aws s3 cp s3://your-bucket-name/ecs.config /etc/ecs/ecs.config
