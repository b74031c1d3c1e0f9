// Package logarn names what CloudWatch Logs asks IAM about. A call on a log
// group is judged on the group's streams, so that a policy for the group's ARN
// without ":*" behind it allows nothing ("Amazon CloudWatch Logs" in the Service
// Authorization Reference, and the service's own refusals).
package logarn

import "strings"

// Group is what calls on a whole group are judged on: CreateLogGroup,
// CreateLogStream and DescribeLogStreams.
func Group(partition, region, account, group string) string {
	return Stream(partition, region, account, group, "")
}

// Stream is what PutLogEvents is judged on.
func Stream(partition, region, account, group, stream string) string {
	return strings.Join([]string{"arn", partition, "logs", region, account, "log-group", group, "log-stream", stream}, ":")
}
