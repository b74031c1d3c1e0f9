#!/bin/bash
curl --proto "https" -o "/tmp/ecs-anywhere-install.sh" "https://amazon-ecs-agent.s3.amazonaws.com/ecs-anywhere-install-latest.sh"
bash /tmp/ecs-anywhere-install.sh --region us-west-2 --cluster edge --activation-id "$ACTIVATION_ID" --activation-code "$ACTIVATION_CODE"
