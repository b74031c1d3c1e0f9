package stopreason

import (
	"cmp"
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
	// advice is what to do; {object}, {role}, {key} and {host} are filled in.
	advice string
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

const network = " Not a permission or credential. Check routes, NAT, VPC endpoints and security groups; AWS's runbook AWSSupport-TroubleshootECSTaskFailedToStart tests them."

var causes = map[ID]cause{
	"ecr-token-denied":                 {Yes, "role", "{Role} may not get an Amazon ECR token. Allow ecr:GetAuthorizationToken on * to it: attach-policies does so for instance roles, patch-task-definition for execution roles."},
	"ecr-pull-denied":                  {Partly, "repository image role", "{Role} may not pull from the repository {object}. Allow ecr:BatchGetImage, ecr:GetDownloadUrlForLayer and ecr:BatchCheckLayerAvailability to it; for another account's repository, its repository policy must allow the role, too."},
	"ecr-execution-credentials-absent": {Partly, "role", "The agent has no credentials of the task's execution role. Check that the role exists and trusts ecs-tasks.amazonaws.com, and that the agent is connected."},
	"ecr-token-network":                {No, "host", "Network: the task can't reach the Amazon ECR API." + network},
	"registry-secret-denied":           {Yes, "secret role", "{Role} may not read the registry secret {object}. Allow secretsmanager:GetSecretValue on it to the execution role; patch-task-definition does so."},
	"registry-secret-gone":             {Yes, "secret", "The registry secret {object} doesn't exist in this Region and account. Name an existing one in repositoryCredentials; patch-task-definition points it to the secret tagged for the registry."},
	"registry-secret-shape":            {Partly, "secret", `The registry secret has no text "username" and "password". Write its value as {"username": "...", "password": "..."}.`},
	"registry-secret-not-loaded":       {No, "", "The registry secret wasn't read; the task's stoppedReason says why."},
	"secret-key-missing":               {Partly, "secret secret-key", "The secret has no JSON key {key}. Correct the key in valueFrom, or add it to the secret."},
	"secret-not-json":                  {Partly, "secret", "valueFrom asks for a JSON key, but the secret's value isn't a JSON object. Drop the key from valueFrom, or store a JSON object."},
	"secret-arn-invalid":               {Partly, "secret", "valueFrom is malformed. Write the secret's ARN, or ARN:json-key:version-stage:version-id with exactly these three parts, which may be empty."},
	"secret-marked-for-deletion":       {Partly, "secret", "The secret {object} is scheduled for deletion. Restore it with aws secretsmanager restore-secret, or name another one."},
	"secret-kms-denied":                {Yes, "key secret parameter role", "{Role} may not decrypt with the KMS key of the secret, parameter or file. Allow kms:Decrypt on the key to it, in the role and in the key's policy."},
	"secret-denied":                    {Yes, "secret role", "{Role} may not read the secret {object}. Allow secretsmanager:GetSecretValue on it to the execution role; patch-task-definition does so."},
	"secret-gone":                      {Partly, "secret", "The secret {object} doesn't exist in this Region and account, or has no current value. Create it, or correct valueFrom."},
	"ssm-denied":                       {Yes, "parameter role", "{Role} may not read the parameter {object}. Allow ssm:GetParameters (plural) on it to the execution role."},
	"ssm-gone":                         {Partly, "parameter", "The parameter {object} doesn't exist in this Region. Create it, or correct valueFrom."},
	"secret-network":                   {No, "secret parameter", "Network: the task can't reach Secrets Manager or Systems Manager." + network},
	"execution-credentials-absent":     {Partly, "role", "The agent has no credentials of the task's execution role. Check that the role exists and trusts ecs-tasks.amazonaws.com."},
	"env-file-denied":                  {Yes, "file role", "The environment file {object} can't be read. Amazon S3 answers the same for a file that doesn't exist where s3:ListBucket isn't allowed: check that the file exists, then allow s3:GetObject on it to the execution role."},
	"env-file-gone":                    {Partly, "file", "The environment file {object} doesn't exist. Upload it, or correct environmentFiles."},
	"env-file-network":                 {No, "file", "Network: the task can't reach Amazon S3." + network},
	"env-file-arn":                     {Partly, "file", "environmentFiles doesn't hold the ARN of an object. Write arn:aws:s3:::BUCKET/KEY, without .. in the key."},
	"env-file-other":                   {Partly, "file", "An environment file can't be read, and the text doesn't say why. Check that each file exists and that the execution role may read it."},
	"resource-init-other":              {No, "", "The agent couldn't set the task up. The text's last part says which resource failed."},
	"log-group-gone":                   {Partly, "log-group", "The log group {object} doesn't exist in the Region of awslogs-region. Create it, or set awslogs-create-group=true and allow logs:CreateLogGroup."},
	"log-denied":                       {Yes, "log-group role", "{Role} may not write to the log group {object}. Allow logs:CreateLogStream and logs:PutLogEvents to it (the instance role on EC2, the execution role elsewhere)."},
	"log-credentials":                  {Partly, "", "The Docker daemon finds no AWS credentials for its log driver. Check the instance profile and the instance's metadata options (hop limit)."},
	"log-network":                      {No, "log-group", "Network: the log driver can't reach its destination (CloudWatch Logs for awslogs); the log group isn't the problem." + network},
	"log-args-invalid":                 {Partly, "", "logConfiguration has a wrong or missing option. Correct its options in the task definition."},
	"log-driver-unknown":               {Partly, "", "Docker on the instance doesn't have this log driver. Remove it from ECS_AVAILABLE_LOGGING_DRIVERS, or install it."},
	"log-execution-role":               {Yes, "", "The log driver needs the execution role's credentials, and the task has none. Name an executionRoleArn, or unset ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE."},
	"firelens":                         {Partly, "file secret", "FireLens couldn't be set up. Check that its configuration file and the secrets of its log options exist and may be read by the execution role."},
	"credentialspec":                   {No, "file parameter", "The gMSA credential spec can't be used. Check that it exists, that the execution role may read it, and ECS_GMSA_SUPPORTED."},
	"registry-rate-limit":              {Yes, "image host", "The registry limits pulls without a login. Give the image a credential: patch-task-definition does so with a secret tagged for the registry."},
	"registry-wrong-credential":        {Yes, "image host", "The registry refused the credential that was sent. Rotate the secret: rotate-secret renews it and the files that hold it."},
	"registry-no-credential":           {Yes, "image host", "The image is private and no credential was sent. Name a secret in repositoryCredentials: patch-task-definition does so with a secret tagged for the registry."},
	"registry-forbidden":               {Partly, "image host", "The registry knows the credential, but doesn't let it read this repository. Give its user or token read access."},
	"image-denied-or-absent":           {Partly, "image", "The image {object} doesn't exist, or needs a credential that wasn't sent. Correct the name, or name a secret in repositoryCredentials."},
	"image-platform":                   {No, "image", "The image {object} isn't built for the task's operating system or CPU architecture. Build it for them, or change runtimePlatform."},
	"image-absent":                     {No, "image repository", "The image {object} isn't in the registry. Push it, or correct its tag or digest."},
	"registry-x509":                    {No, "host image", "The registry's certificate isn't accepted. Renew it, or put its certificate authority in /etc/docker/certs.d on the instances."},
	"registry-plain-http":              {No, "host image", "The registry speaks plain HTTP. Serve it over TLS, or list it under insecure-registries of the Docker daemon."},
	"pull-dns":                         {No, "host image", "{Host} has no address in the VPC's DNS. Correct the registry's name, or check the VPC's DNS settings and private hosted zones."},
	"pull-layer-s3":                    {No, "image", "Network: the image's layers come from Amazon S3 or a content network, which can't be reached. Check the S3 gateway endpoint and its policy."},
	"pull-network":                     {No, "host image", "Network: the registry can't be reached from the task or instance." + network},
	"registry-5xx":                     {No, "host image", "The registry answers with a server error. It passes by itself, or its operator must look."},
	"pull-timeout":                     {Partly, "image", "The pull took too long. Check the registry's speed, ECS_IMAGE_PULL_INACTIVITY_TIMEOUT and ECS_IMAGE_PULL_TIMEOUT."},
	"pull-disk":                        {No, "", "The instance's disk is full. Enlarge it, or let the agent clean up images sooner."},
	"pull-media-type":                  {No, "image", "The registry's answer isn't a usable image. Push the image again; check that the tag isn't an attestation or a chart."},
	"start-other":                      {No, "", "Docker couldn't start the container. The text's last part says why: often the entry point, a mount or a device."},
	"role-not-assumable":               {Partly, "role", "Amazon ECS can't assume the role {object}. Check that it exists and trusts ecs-tasks.amazonaws.com."},
	"place-attribute":                  {Partly, "", "No instance has an attribute that the task definition requires. Compare its requiresAttributes with the instances' attributes; often the agent is too old or a log driver isn't enabled."},
	"place-no-instances":               {Yes, "cluster", "The cluster has no container instance. If instances run, they failed to register: check their role, their ecs.config and their network."},
	"place-agent":                      {Partly, "", "The agent of the instance is disconnected. Check that it runs and that the instance role is whole."},
	"place-capacity":                   {No, "", "The cluster or account has no capacity left for the task. Add instances, or ask for less."},
	"place-unassigned":                 {Partly, "", "The scheduler couldn't place the task, for a reason that isn't known here."},
	"eni":                              {No, "", "The network interface couldn't be made or attached. Check the subnet's free addresses and Amazon EC2's health."},
	"efs":                              {No, "", "A volume couldn't be created or mounted. Check its file system, mount targets and security groups."},
	"infrastructure":                   {No, "", "The capacity under the task was taken back. The service starts the task elsewhere."},
	"docker-timeout":                   {No, "", "The container runtime doesn't answer in time. Check the instance's disk and CPU."},
	RegistrationDenied:                 {Yes, "role cluster", "{Role} may not register the instance with the cluster. Allow ecs:RegisterContainerInstance to it: attach-policies does so. The agent tries again by itself within minutes."},
	ClusterAbsent:                      {Partly, "cluster", "The cluster that the instance's ecs.config or user data names doesn't exist or isn't active. Create it or correct ECS_CLUSTER, then run systemctl restart ecs on the instance, or replace it."},
	RegistrationRefused:                {Partly, "cluster", "Amazon ECS refuses the instance's registration. Correct the attributes, tags or ECS_CLUSTER of its ecs.config, then run systemctl restart ecs on the instance, or replace it."},
	NotRegistered:                      {Partly, "cluster", "The instance runs and isn't in the cluster. Check its role, its ecs.config and its network; AWS's runbook AWSSupport-TroubleshootECSContainerInstance reviews them."},
	OutOfMemory:                        {No, "", "The container took more memory than it has. Give it more, or make the application take less."},
	"agent-payload":                    {Partly, "", "The agent doesn't understand the task. Update the agent; the definition uses something newer."},
	WrapperNoCause:                     {Partly, "", "This sentence names no cause. Read the containers' reason and exitCode."},
	ApplicationExit:                    {No, "", "The application ran and ended, or failed its health check. Look at its own log."},
	Unrecognised:                       {No, "", "The text isn't known here. Read its last part; AWS's runbook AWSSupport-TroubleshootECSTaskFailedToStart checks the usual causes."},
}

// advise fills a cause's advice with what the text names.
func advise(r Reason) string {
	role := "The task's role"
	if r.Named.Role != "" {
		role = "Role " + r.Named.Role
	}
	host := cmp.Or(r.Named.Host, "The registry's host")
	advice := strings.NewReplacer(
		"{Role}", role, "{Host}", host, " {object}", spaced(r.Object), " {key}", spaced(r.Named.SecretKey),
	).Replace(causes[r.ID].advice)
	switch r.DeniedBy {
	case deniedByOrganization, deniedByResources:
		advice = "A policy of the organization denies it: no policy attached to the role can allow it. " + advice
	case deniedByBoundary:
		advice = "The role's permissions boundary doesn't allow it; change the boundary. " + advice
	case deniedByEndpoint:
		advice = "The policy of the VPC endpoint doesn't allow it; change the endpoint's policy. " + advice
	case deniedBySession:
		advice = "The session policy doesn't allow it. " + advice
	case deniedByRole:
		advice = "A policy of the role denies it explicitly; remove that statement. " + advice
	case deniedByObject:
		advice = "The resource's own policy denies it explicitly; change that policy. " + advice
	case deniedByOtherAccount:
		advice = "The resource's own policy doesn't allow it; its owner must add the role there. " + advice
	}
	return advice
}

func spaced(name string) string {
	if name == "" {
		return ""
	}
	return " " + name
}
