package taskdef

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ecsguardrails/shared/finding"
)

// executionRoleAfter is the execution role once the edits are made, or "".
func (j *judgement) executionRoleAfter() string {
	for _, edit := range j.edits {
		if edit.Field == ExecutionRoleARN {
			return edit.Value
		}
	}
	return aws.ToString(j.Definition.ExecutionRoleArn)
}

// executionRoleAccess judges what was found out about the execution role.
func (j *judgement) executionRoleAccess() {
	role := j.ExecutionRole
	switch {
	case role == nil:
		return
	case role.Gone && j.Unregistered != nil && j.Unregistered.accountUnknown:
		j.report("execution-role-gone", finding.Warning,
			fmt.Sprintf("the execution role %s does not exist in the account of these AWS credentials: no task of this definition starts there", role.ARN),
			"create the role, or name another one in executionRoleArn")
		return
	case role.Gone:
		j.report("execution-role-gone", finding.Error,
			fmt.Sprintf("the execution role %s does not exist: no task of this definition starts", role.ARN),
			"create the role, or name another one in executionRoleArn")
		return
	case role.Unchecked != "":
		j.report("execution-role-unchecked", finding.Info,
			fmt.Sprintf("what the execution role %s can do was not found out: %s", role.ARN, role.Unchecked),
			"allow iam:GetRole and iam:SimulatePrincipalPolicy to the function's role")
		return
	case role.Distrusts:
		j.report("execution-role-trust", finding.Error,
			fmt.Sprintf("the execution role %s does not trust ecs-tasks.amazonaws.com, so ECS cannot act under it", role.ARN),
			`add {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"} to its trust policy`)
	}
	for _, code := range []string{"execution-role-secret", "execution-role-key", "execution-role-environment-file", "execution-role-logs", "execution-role-ecr"} {
		var denied, undecided []denial
		for _, d := range role.denied {
			switch {
			case d.need.code != code:
			case len(d.keys) > 0:
				undecided = append(undecided, d)
			default:
				denied = append(denied, d)
			}
		}
		if len(denied) > 0 {
			j.roleLacks(code, denied)
		}
		if len(undecided) > 0 {
			j.roleMayLack(code, undecided)
		}
	}
}

// roleMayLack answers the permissions of one kind that a condition decides when
// a task starts. No policy is attached: the condition is there on purpose.
func (j *judgement) roleMayLack(code string, undecided []denial) {
	var purposes, permissions, keys []string
	for _, d := range undecided {
		purposes = append(purposes, d.need.purpose)
		permissions = append(permissions, d.need.action+" on "+d.need.resource)
		keys = append(keys, d.keys...)
	}
	slices.Sort(keys)
	j.report(code, finding.Warning,
		fmt.Sprintf("whether the execution role %s may %s hangs on what a task has at its start, and nobody before: its policies ask for %s",
			j.ExecutionRole.ARN, strings.Join(distinct(purposes), ", and "), strings.Join(slices.Compact(keys), ", ")),
		"nothing, if the tasks start; else allow it "+strings.Join(permissions, ", "))
}

// distinct gives each text once, in the order in which they came.
func distinct(texts []string) []string {
	var kept []string
	for _, text := range texts {
		if !slices.Contains(kept, text) {
			kept = append(kept, text)
		}
	}
	return kept
}

// roleLacks answers the permissions of one kind that the role lacks.
func (j *judgement) roleLacks(code string, denied []denial) {
	role := j.ExecutionRole
	var purposes, permissions []string
	final, taskRole, policy := false, true, denied[0].need.policy
	for _, d := range denied {
		purposes = append(purposes, d.need.purpose)
		permissions = append(permissions, d.need.action+" on "+d.need.resource)
		final = final || d.final
		taskRole = taskRole && d.taskRole
		if d.need.policy != policy {
			policy = ""
		}
	}
	message := fmt.Sprintf("the execution role %s may not %s", role.ARN, strings.Join(distinct(purposes), ", nor "))
	if final {
		message += "; a policy denies it, or a boundary or the organization does not allow it"
	}
	if taskRole {
		message += fmt.Sprintf("; the task role %s may, but ECS does this as the execution role", aws.ToString(j.Definition.TaskRoleArn))
	}
	severity := finding.Error
	if code == "execution-role-key" {
		// A key's own policy can let the role in, which the simulation cannot see.
		severity = finding.Warning
		message += "; the key's own policy may still allow it"
	}
	fix := "allow it " + strings.Join(permissions, ", ")
	if policy == "" || final || role.Ignored || slices.Contains(j.OwnRoles, role.ARN) {
		j.report(code, severity, message, fix)
		return
	}
	j.attach(role.ARN, policy, code, severity, message, fix)
}
