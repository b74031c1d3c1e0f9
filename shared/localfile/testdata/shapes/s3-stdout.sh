#!/bin/bash
BUCKET=acme-config
aws s3 cp "s3://$BUCKET/ecs.config" - > /etc/ecs/ecs.config
