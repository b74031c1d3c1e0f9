#!/bin/bash
PROXY=http://proxy.corp.example.com:3128
cat <<EOF >> /etc/ecs/ecs.config
ECS_CLUSTER=px
HTTP_PROXY=$PROXY
HTTPS_PROXY=$PROXY
NO_PROXY=169.254.169.254,169.254.170.2,/var/run/docker.sock
EOF
