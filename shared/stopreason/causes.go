package stopreason

import (
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// What is no cause of a failed start.
const (
	// Unrecognised is a text that no rule knows.
	Unrecognised ID = "unrecognised"
	// ApplicationExit is an application that ran and ended, or was ended for its
	// health: never ours.
	ApplicationExit ID = "application-exit"
	// WrapperNoCause is a sentence that only says that there is a cause.
	WrapperNoCause ID = "wrapper-no-cause"
	// OutOfMemory is an application that was killed for the memory it took.
	OutOfMemory ID = "oom"
)

// The kinds of policy that refuse a call, as the last words of the message name
// them (IAM user guide, "Access denied error messages").
const (
	deniedByOrganization = "organization"
	deniedByResources    = "organization (resource control policy)"
	deniedByBoundary     = "boundary"
	deniedByEndpoint     = "VPC endpoint policy (not seen by IAM's simulator)"
	deniedBySession      = "session policy"
	deniedByRole         = "the role's own deny"
	deniedByObject       = "the object's policy denies"
	deniedByOtherAccount = "the object's policy (other account)"
	roleLacksIt          = "the role lacks it"
)

var denials = []struct {
	pattern lazyregexp.Regexp
	by      string
}{
	{lazyregexp.New(`explicit deny in an? service control policy|because no service control policy allow`), deniedByOrganization},
	{lazyregexp.New(`explicit deny in an? resource control policy|because no resource control policy allow`), deniedByResources},
	{lazyregexp.New(`explicit deny in an? permissions? boundary|because no permissions? boundary allow`), deniedByBoundary},
	{lazyregexp.New(`explicit deny in an? vpc endpoint policy|because no vpc endpoint policy allow`), deniedByEndpoint},
	{lazyregexp.New(`explicit deny in an? session policy|because no session policy allow`), deniedBySession},
	{lazyregexp.New(`explicit deny in an? identity-based policy`), deniedByRole},
	{lazyregexp.New(`explicit deny in an? resource-based policy`), deniedByObject},
	{lazyregexp.New(`because no resource-based policy allow`), deniedByOtherAccount},
	{lazyregexp.New(`because no identity-based policy allow`), roleLacksIt},
}

// deniedBy reads which policy denied; the side that is hardest to cure wins.
func deniedBy(lower string) string {
	for _, denial := range denials {
		if denial.pattern.MatchString(lower) {
			return denial.by
		}
	}
	return ""
}

// A cause is what is known of an ID without looking anything up.
type cause struct {
	ours Ours
	// object lists the kinds of names that say what could not be used, best first.
	object string
	// says is what is wrong, cure what to do about it. {object}, {role}, {key} and
	// {host} are filled in, {argument} is the object inside a command.
	says, cure string
}

// IDs lists every id, in alphabetical order.
func IDs() []ID {
	ids := make([]ID, 0, len(causes))
	for id := range causes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

const network = "Check routes, NAT, VPC endpoints and security groups. AWS's runbook AWSSupport-TroubleshootECSTaskFailedToStart tests them. This is the network, not a permission or a credential."

var causes = map[ID]cause{
	"ecr-token-denied":                 {Yes, "role", "{Role} may not get an Amazon ECR token.", "Allow {role} ecr:GetAuthorizationToken on *. attach-policies does it for instance roles, patch-task-definition for execution roles."},
	"ecr-pull-denied":                  {Partly, "repository image role", "{Role} may not pull from the repository {object}.", "Allow {role} ecr:BatchGetImage, ecr:GetDownloadUrlForLayer and ecr:BatchCheckLayerAvailability on the repository {object}. If another account owns the repository, its repository policy must allow {role}, too."},
	"ecr-execution-credentials-absent": {Partly, "role", "The agent has no credentials of the task's execution role.", "Check that the execution role exists and trusts ecs-tasks.amazonaws.com, and that the agent is connected."},
	"ecr-token-network":                {No, "host", "The task can't reach the Amazon ECR API.", network},
	"registry-secret-denied":           {Yes, "secret role", "{Role} may not read the registry secret {object}.", "Allow {role} secretsmanager:GetSecretValue on the secret {object}. patch-task-definition does it for execution roles."},
	"registry-secret-gone":             {Yes, "secret", "The registry secret {object} doesn't exist in this Region and account.", "Name an existing secret in repositoryCredentials. patch-task-definition names the one that is tagged for the registry."},
	"registry-secret-shape":            {Partly, "secret", `The registry secret {object} has no text "username" and "password".`, `Write the secret's value as {"username": "...", "password": "..."}.`},
	"registry-secret-not-loaded":       {No, "", "The agent didn't read the registry secret.", "Read the task's stoppedReason, which says why."},
	"secret-key-missing":               {Partly, "secret secret-key", "The secret has no JSON key {key}.", "Correct the JSON key {key} in valueFrom, or add it to the secret's value."},
	"secret-not-json":                  {Partly, "secret", "The field valueFrom asks for a JSON key, but the secret's value isn't a JSON object.", "Remove the JSON key from valueFrom, or store a JSON object in the secret."},
	"secret-arn-invalid":               {Partly, "secret", "A secret's valueFrom is malformed.", "Write the secret's ARN, or ARN:json-key:version-stage:version-id with exactly these three parts, which may be empty."},
	"secret-marked-for-deletion":       {Partly, "secret", "The secret {object} is scheduled for deletion.", "Restore it with aws secretsmanager restore-secret --secret-id {argument}, or name another secret."},
	"secret-kms-denied":                {Yes, "key secret parameter role", "{Role} may not decrypt with the KMS key of the secret, parameter or file.", "Allow {role} kms:Decrypt on the key, in the role's policies and in the key's policy."},
	"secret-denied":                    {Yes, "secret role", "{Role} may not read the secret {object}.", "Allow {role} secretsmanager:GetSecretValue on the secret {object}. patch-task-definition does it for execution roles."},
	"secret-gone":                      {Partly, "secret", "The secret {object} doesn't exist in this Region and account, or has no current value.", "Create the secret {object}, or correct valueFrom."},
	"ssm-denied":                       {Yes, "parameter role", "{Role} may not read the parameter {object}.", "Allow {role} ssm:GetParameters (plural) on the parameter {object}."},
	"ssm-gone":                         {Partly, "parameter", "The parameter {object} doesn't exist in this Region.", "Create the parameter {object}, or correct valueFrom."},
	"secret-network":                   {No, "secret parameter", "The task can't reach Secrets Manager or Systems Manager.", network},
	"execution-credentials-absent":     {Partly, "role", "The agent has no credentials of the task's execution role.", "Check that the execution role exists and trusts ecs-tasks.amazonaws.com."},
	"env-file-denied":                  {Yes, "file role", "{Role} may not read the environment file {object}.", "Check that the environment file {object} exists, because Amazon S3 answers the same for a missing file unless s3:ListBucket is allowed. Then allow {role} s3:GetObject on it."},
	"env-file-gone":                    {Partly, "file", "The environment file {object} doesn't exist.", "Upload the environment file {object}, or correct environmentFiles in the task definition."},
	"env-file-network":                 {No, "file", "The task can't reach Amazon S3.", network},
	"env-file-arn":                     {Partly, "file", "The field environmentFiles doesn't hold the ARN of an object.", "Write arn:aws:s3:::BUCKET/KEY in environmentFiles, without .. in the key."},
	"env-file-other":                   {Partly, "file", "An environment file can't be read, and the text doesn't say why.", "Check that each environment file exists and that the execution role may read it."},
	"resource-init-other":              {No, "", "The agent couldn't set up the task's resources.", "Read the last part of the reason, which says which resource failed."},
	"log-group-gone":                   {Partly, "log-group", "The log group {object} doesn't exist in the Region of awslogs-region.", "Create it with aws logs create-log-group --log-group-name {argument}, or set awslogs-create-group=true and allow logs:CreateLogGroup."},
	"log-denied":                       {Yes, "log-group role", "{Role} may not write to the log group {object}.", "Allow {role} logs:CreateLogStream and logs:PutLogEvents on the log group {object}. On EC2 the instance role writes the log, elsewhere the execution role does."},
	"log-credentials":                  {Partly, "", "The Docker daemon finds no AWS credentials for its log driver.", "Check the instance profile and the hop limit in the instance's metadata options."},
	"log-network":                      {No, "log-group", "The log driver can't reach its destination (CloudWatch Logs for awslogs).", network},
	"log-args-invalid":                 {Partly, "", "The field logConfiguration has a wrong or missing option.", "Correct the options of logConfiguration in the task definition."},
	"log-driver-unknown":               {Partly, "", "Docker on the instance doesn't have this log driver.", "Remove the log driver from ECS_AVAILABLE_LOGGING_DRIVERS, or install it."},
	"log-execution-role":               {Yes, "", "The log driver needs the execution role's credentials, and the task has none.", "Name a role in executionRoleArn, or unset ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE."},
	"firelens":                         {Partly, "file secret", "FireLens couldn't be set up.", "Check that its configuration file and the secrets of its log options exist, and that the execution role may read them."},
	"credentialspec":                   {No, "file parameter", "The gMSA credential spec can't be used.", "Check that the credential spec exists, that the execution role may read it, and that ECS_GMSA_SUPPORTED is true."},
	"registry-rate-limit":              {Yes, "image host", "The registry limits pulls without a login.", "Give the image a credential in repositoryCredentials. patch-task-definition does it with a secret that is tagged for the registry."},
	"registry-wrong-credential":        {Yes, "image host", "The registry refused the credential that was sent.", "Rotate the secret with aws secretsmanager rotate-secret. rotate-secret renews it and the files that hold it."},
	"registry-no-credential":           {Yes, "image host", "The image is private and no credential was sent.", "Name a secret in repositoryCredentials. patch-task-definition does it with a secret that is tagged for the registry."},
	"registry-forbidden":               {Partly, "image host", "The registry knows the credential, but doesn't let it read this repository.", "Give the credential's user or token read access to the repository."},
	"image-denied-or-absent":           {Partly, "image", "The image {object} doesn't exist, or needs a credential that wasn't sent.", "Correct the image's name, or name a secret in repositoryCredentials."},
	"image-platform":                   {No, "image", "The image {object} isn't built for the task's operating system or CPU architecture.", "Build the image for them, or change runtimePlatform in the task definition."},
	"image-absent":                     {No, "image repository", "The image {object} isn't in the registry.", "Push the image {object}, or correct its tag or digest in the task definition."},
	"registry-x509":                    {No, "host image", "The registry's certificate isn't accepted.", "Renew the registry's certificate, or put its certificate authority in /etc/docker/certs.d on the instances."},
	"registry-plain-http":              {No, "host image", "The registry speaks plain HTTP.", "Serve the registry over TLS, or list it under insecure-registries of the Docker daemon."},
	"pull-dns":                         {No, "host image", "{Host} has no address in the VPC's DNS.", "Correct the registry's name, or check the VPC's DNS settings and private hosted zones."},
	"pull-layer-s3":                    {No, "image", "The image's layers come from Amazon S3 or a content network, which can't be reached.", "Check the S3 gateway endpoint and its policy. This is the network, not a permission or a credential."},
	"pull-network":                     {No, "host image", "The registry can't be reached from the task or instance.", network},
	"registry-5xx":                     {No, "host image", "The registry answers with a server error.", "Wait until the registry works again, or tell its operator."},
	"pull-timeout":                     {Partly, "image", "The pull took too long.", "Check the registry's speed, ECS_IMAGE_PULL_INACTIVITY_TIMEOUT and ECS_IMAGE_PULL_TIMEOUT."},
	"pull-disk":                        {No, "", "The instance's disk is full.", "Enlarge the disk, or let the agent clean up images sooner (ECS_IMAGE_CLEANUP_INTERVAL, ECS_IMAGE_MINIMUM_CLEANUP_AGE)."},
	"pull-media-type":                  {No, "image", "The registry's answer isn't a usable image.", "Push the image again. Check that the tag isn't an attestation or a chart."},
	"start-other":                      {No, "", "Docker couldn't start the container.", "Read the last part of the reason. Often the entry point, a mount or a device is wrong."},
	"role-not-assumable":               {Partly, "role", "Amazon ECS can't assume the role {object}.", "Check that the role {object} exists and trusts ecs-tasks.amazonaws.com."},
	"place-attribute":                  {Partly, "", "No instance has an attribute that the task definition requires.", "Compare requiresAttributes of the task definition with the instances' attributes. Often the agent is too old or a log driver isn't enabled."},
	"place-no-instances":               {Yes, "cluster", "The cluster has no container instance.", "Start instances. If some are running, they failed to register: check their role, their ecs.config and their network."},
	"place-agent":                      {Partly, "", "The instance's agent is disconnected.", "Check that the agent runs (systemctl status ecs) and that the instance role has the permissions of the capability agent."},
	"place-capacity":                   {No, "", "The cluster or account has no capacity left for the task.", "Add instances, or lower the CPU and memory that the task asks for."},
	"place-unassigned":                 {Partly, "", "The scheduler couldn't place the task, for a reason that isn't known here.", "Read the service's events and the reason's last part. AWS's runbook AWSSupport-TroubleshootECSTaskFailedToStart checks the usual causes."},
	"eni":                              {No, "", "The network interface couldn't be created or attached.", "Check how many free addresses the subnet has, and the health of Amazon EC2."},
	"efs":                              {No, "", "A volume couldn't be created or mounted.", "Check the volume's file system, mount targets and security groups."},
	"infrastructure":                   {No, "", "AWS took back the capacity under the task.", "Nothing for a service, which starts the task elsewhere. Start a task without a service again."},
	"docker-timeout":                   {No, "", "The container runtime doesn't answer in time.", "Check the instance's disk and CPU."},
	RegistrationDenied:                 {Yes, "role cluster", "{Role} may not register the instance with the cluster.", "Allow {role} ecs:RegisterContainerInstance, which attach-policies does. The agent tries again by itself within minutes."},
	ClusterAbsent:                      {Partly, "cluster", "The cluster that the instance's ecs.config or user data names doesn't exist or isn't active.", "Create the cluster or correct ECS_CLUSTER. Then run systemctl restart ecs on the instance, or replace it."},
	RegistrationRefused:                {Partly, "cluster", "Amazon ECS refuses the instance's registration.", "Correct the attributes, tags or ECS_CLUSTER in the instance's ecs.config. Then run systemctl restart ecs on the instance, or replace it."},
	NotRegistered:                      {Partly, "cluster", "The instance runs and isn't in the cluster.", "Check the instance's role, ecs.config and network. AWS's runbook AWSSupport-TroubleshootECSContainerInstance reviews them."},
	OutOfMemory:                        {No, "", "The container took more memory than it has.", "Give the container more memory, or make the application take less."},
	"agent-payload":                    {Partly, "", "The agent doesn't understand the task, whose definition uses something newer.", "Update the agent with aws ecs update-container-agent --cluster CLUSTER --container-instance INSTANCE."},
	WrapperNoCause:                     {Partly, "", "This sentence names no cause.", "Read the containers' reason and exitCode."},
	ApplicationExit:                    {No, "", "The application ran and ended, or failed its health check.", "Look at the application's own log."},
	Unrecognised:                       {No, "", "The text isn't known here.", "Read the last part of the reason. AWS's runbook AWSSupport-TroubleshootECSTaskFailedToStart checks the usual causes."},
}

// advise fills a cause's sentences with what the text names.
func advise(r *Reason) {
	role := "the task's role"
	if r.Named.Role != "" {
		role = "the role " + r.Named.Role
	}
	host := "The registry's host"
	if r.Named.Host != "" {
		host = "The host " + r.Named.Host
	}
	argument := "NAME"
	if bareArgument.MatchString(r.Object) {
		argument = r.Object
	}
	fill := strings.NewReplacer(
		"{Role}", "T"+role[1:], "{role}", role, "{Host}", host, "{argument}", argument,
		" {object}", spaced(r.Object), " {key}", spaced(r.Named.SecretKey),
	)
	r.Cause = fill.Replace(causes[r.ID].says)
	r.Cure = obstacles[r.DeniedBy] + fill.Replace(causes[r.ID].cure)
	r.Advice = r.Cause + " " + r.Cure
}

// bareArgument needs no quotes in any shell.
var bareArgument = lazyregexp.New(`^[A-Za-z0-9_+=,.@:/-]{1,512}$`)

// obstacles say what has to change where another policy than the role's own denies.
var obstacles = map[string]string{
	deniedByOrganization: "Change the organization's policy that denies it: no policy of the role can allow it. ",
	deniedByResources:    "Change the organization's policy that denies it: no policy of the role can allow it. ",
	deniedByBoundary:     "Allow it in the role's permissions boundary. ",
	deniedByEndpoint:     "Allow it in the policy of the VPC endpoint. ",
	deniedBySession:      "Allow it in the session policy. ",
	deniedByRole:         "Remove the statement of the role's policy that denies it explicitly. ",
	deniedByObject:       "Remove the statement of the resource's own policy that denies it explicitly. ",
	deniedByOtherAccount: "Have the resource's owner allow the role in the resource's own policy. ",
}

func spaced(name string) string {
	if name == "" {
		return ""
	}
	return " " + name
}
