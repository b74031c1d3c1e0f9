package stopreason

import (
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// A rule tells one cause from the others by what the writers of these texts say
// of it. Rules read masked text in lower case, in their order.
type rule struct {
	id      ID
	pattern lazyregexp.Regexp
	// in limits the rule to texts of these stages; a text without a class may be
	// of any. nil is no limit.
	in []stage
	// known asks for a sign that ECS, Docker, containerd or a registry speaks:
	// an application's log has such words, too.
	known bool
}

func on(id ID, expression string, in ...stage) rule {
	return rule{id: id, pattern: lazyregexp.New(expression), in: in}
}

// onKnown is a rule for words that anything may say.
func onKnown(id ID, expression string, in ...stage) rule {
	return rule{id: id, pattern: lazyregexp.New(expression), in: in, known: true}
}

const (
	refused = `(accessdenied|access denied|not authorized|unauthorizedoperation)`
	lost    = `(connection issue|context deadline exceeded|i/o timeout|request ?cancell?ed|request context cancell?ed|request send failed|send request failed|no such host|connection refused|connection reset|no route to host|network is unreachable|tls handshake timeout|exceeded maximum number of attempts|signal: killed|check your (task )?network)`
)

// signs say that a text comes from ECS, Docker, containerd or a registry.
var signs = lazyregexp.New(`error response from daemon|api error \(|\{registry-url\}|\{image\}|\{ecr-api\}|failed to resolve ref|pull (image|command|access)|ref pull has been|inspect image has been|failed to (authorize|copy|fetch (oauth|anonymous) token)|\(service |unable to place a task|error pulling image|failed to register layer|docker (daemon|login|hub)`)

var rules = []rule{
	// What the roles may not do, and what the registries' tokens lack.
	on("ecr-token-denied", `getauthorizationtoken.*`+refused+`|`+refused+`.*ecr(-public)?:getauthorizationtoken|ecr registry auth.*`+refused+`|getauthorizationtoken, https response error statuscode: (400|403),? ?[^:]*(: ?[0-9a-f-]*)?$`),
	on("ecr-pull-denied", `not authorized to perform:? (action )?ecr(-public)?:(batchgetimage|getdownloadurlforlayer|batchchecklayeravailability|initiatelayerupload|batchimportupstreamimage|createrepository)|\bdenied: user: (\{role\}|arn:)`),
	// The agent has this class for errors of the token's call (dockerapi, getAuthdata).
	on("ecr-token-denied", `cannotpullecrcontainererror: (operation error ecr\b.*)?`+refused),
	on("ecr-execution-credentials-absent", `engine ecr credentials: not found`),
	on("ecr-token-network", `(ecr registry auth|registry auth from amazon ecr|getauthorizationtoken|\{ecr-api\}).*`+lost+`|cannotpullecrcontainererror: (requesterror|request ?cancell?ed|request send failed|operation error ecr\b.*`+lost+`)`),

	on("secret-kms-denied", `access to kms is not allow|not authorized to perform:? (action )?kms:decrypt|kmsaccessdenied|kms:decrypt.*accessdenied|accessdenied.*\{kms-key\}|the ciphertext refers to a customer master key that`),
	on("registry-secret-denied", `(asm fetching secret from the service for|registry auth from asm).*`+refused),
	on("registry-secret-gone", `(asm fetching secret from the service for|registry auth from asm).*(resourcenotfound|can't find the specified secret)`),
	on("registry-secret-shape", `(asm )?fetching (username|password|authorization data):`),
	on("registry-secret-not-loaded", `engine docker private registry credentials: not found|task auth data: unable to fetch`),
	on("secret-key-missing", `did not contain json key`),
	on("secret-not-json", `invalid character '.{1,6}' (looking for|after|in )|(secrets? from asm|secrets manager|secret \{secret\}).*(unexpected end of json input|json: cannot unmarshal)|^(json: )?cannot unmarshal \w+ into go value of type map\[string\]interface|^unexpected end of json input$`),
	on("secret-arn-invalid", `invalid arn format for the aws secrets manager secret|unexpected arn format|could not find a secretsmanager secretid|validationexception: invalid name|trying to retrieve secret with value \{secret\} resulted in error`),
	on("secret-marked-for-deletion", `marked for deletion|scheduled for deletion|on the secret because it was deleted`),

	// Environment files name secrets' kinds of errors, so they come first.
	on("env-file-denied", `(download (the )?env(ironment)?( variable)? files?|env file with key).*`+`(accessdenied|access denied|not authorized|forbidden|statuscode: 403)`),
	on("env-file-gone", `(download (the )?env(ironment)?( variable)? files?|env file with key|env files: file).*(nosuchkey|nosuchbucket|notfound|not found|does not exist|statuscode: 404)`),
	on("env-file-network", `(download (the )?env(ironment)?( variable)? files?|env file with key|env files: file download command).*(`+lost+`|dial tcp)`),
	on("env-file-arn", `unable to parse bucket and key from s3 arn specified in environmentfile|invalid s3 arn|escapes envfile resource directory`),

	on("secret-denied", `secretsmanager:getsecretvalue|(secret from asm|secret \{secret\}|\{secret\} from secrets manager|aws secrets manager).*`+refused, noStage, preparing, configuring),
	on("secret-gone", `task can't retrieve the secret with arn|can't find the specified secret|(secret from asm|secrets manager|secret \{secret\}).*resourcenotfound`, noStage, preparing, configuring),
	on("ssm-denied", `ssm:getparameters?(bypath)?\b|(systems manager|ssm parameter store|secrets? from ssm).*`+refused, noStage, preparing, configuring),
	on("ssm-gone", `invalid parameters: `, noStage, preparing, configuring),
	on("secret-network", `(secrets?\b|ssm|systems manager|\basm\b|parameter store).*`+lost+`|secrets or registry auth: pull command failed: ?:? ?signal: killed`, noStage, preparing, configuring),
	on("execution-credentials-absent", `unable to find execution role credentials`),
	on("env-file-other", `failed to download (the )?env(ironment)?( variable)? files|unable to (download env file|initialize (s3 client|envfile resource)|create envfiles directory)`),

	on("resource-init-other", `resource cannot be initialized for task `),

	// Logs. On Fargate the first sentence blames the log group for a lost network.
	on("log-group-gone", `specified log (group|stream) does not exist|cannot find the amazon cloudwatch log group( defined in the task definition)?[:.]? *$|(log stream|log group|logger args|logging driver).*resourcenotfoundexception`),
	on("log-denied", `(log(ging)? driver|logger args|log (group|stream)|cloudwatch).*(accessdenied|not authorized|unrecognizedclient)|not authorized to perform:? (action )?logs:`),
	on("log-credentials", `(logging driver|log (group|stream)).*(nocredentialproviders|credentialsendpointerror|failed to (refresh cached|load|retrieve) credentials|no ec2 imds role found|get credentials|get identity)`, noStage, preparing, starting, creating),
	on("log-network", `(logger args|logging driver|cloudwatch|log (group|stream)|\{logs-api\}).*(signal: killed|connection issue|context deadline|i/o timeout|requesterror|request ?cancell?ed|no such host|request send failed|there is a con)|logging driver: .*(connection refused|connection timed out|connection reset|no route to host|network is unreachable|tls handshake timeout)`, noStage, preparing, starting, creating),
	on("log-args-invalid", `awslogs-region is required|unable to get awslogs driver arguments|unknown log opt|must specify a value for log opt|missingendpoint|invalid value for log opt|failed to validate logger args: .*(invalid|required|missing)`),
	on("log-driver-unknown", `no log driver named|logging driver.*not (found|registered)`),
	on("log-execution-role", `no execution credentials set for the task|unable to get execution role credentials for task`),
	on("firelens", `unable to initialize firelens resource|unable to generate config to create firelens|^(\w+: )?firelens resource: |firelens (s3 )?config|fire ?lens.*(failed|unable)|unable to resolve.*firelens bridge|resolve firelens bridge|awsfirelens log driver`, noStage, preparing, starting, creating, configuring),
	on("credentialspec", `credential ?spec|credentials-fetcher|\bgmsa\b`, noStage, preparing, starting, creating, configuring),

	// Volumes come before the registries' words: a mount is refused, too.
	on("efs", `failed to invoke efs utils|cannotcreatevolumeerror|mount\.nfs4?|failed to create volume|error while mounting volume|\befs (utils|volume)`, noStage, preparing, starting, creating, otherStage),

	// What registries answer. Docker quotes their words, containerd their status.
	on("registry-rate-limit", `toomanyrequests|too many requests|pull rate limit|rate exceeded`, noStage, pulling),
	on("registry-wrong-credential", `failed to fetch oauth token:.*(401|unauthorized)|incorrect username or password|unauthorized: (bad|wrong) credentials|http basic: access denied|personal access token|invalid username[/ ]|bad[ _]?credentials?|unauthorized: invalid (client|user|token|credential)|invalid client ?id or client secret|invalid authentication credentials|could not find robot|too many failed login|login attempt to \{registry-url\} failed with status:? 401|invalid_grant|authentication token (has )?expired|authorization token has expired`, noStage, pulling),
	onKnown("registry-wrong-credential", `login failed|\btoken (has |is )?(expired|revoked)|credentials? (has|have|is|are) (expired|invalid|revoked)|wrong (username|password)`, noStage, pulling),
	on("pull-layer-s3", `unexpected status code \{s3-url\}|\{s3-url\}:? 403|redacted ecr url`, noStage, pulling),
	on("registry-no-credential", `no basic auth credentials|failed to fetch anonymous token|insufficient_scope|unauthenticated request|unauthorized: (authentication|unauthorized to access|access to the requested)`, noStage, pulling),
	onKnown("registry-no-credential", `authentication (is )?required|401 unauthorized|status(code)?:? 401`, noStage, pulling),
	on("registry-forbidden", `failed to (authorize|fetch oauth token).*403|denied: (access forbidden|denied|permission|installation not allowed|resource not accessible|the client does not have|client with ip)`, noStage, pulling),
	onKnown("registry-forbidden", `403 forbidden|access forbidden|: forbidden\b`, noStage, pulling),
	on("image-platform", `does not contain descriptor matching platform|no matching manifest for|no match for platform in manifest|image operating system .* cannot be used|exec format error|does not match the host operating system|image is incompatible|operating system is not supported|unsupported os|\bimage platform \(`),
	on("image-denied-or-absent", `does not exist or no pull access`, noStage, pulling),
	on("image-absent", `manifest unknown|manifest for \{image\} not found|requested image not found|failed to resolve ref(erence)?:? "?\{image\}"?: (\S+: )?not found|content at \{registry-url\} not found|tag \{tag\} not found|no such image|repository with name \{repository\}|repository \{image\} not found`, noStage, pulling, creating),
	onKnown("image-absent", `name unknown|repository name not known|image \S+ not found|api error \(404\)|not_found: |manifest not found|\{image\}:? ?(image )?not found|404 not found|registry-url\}:? (unexpected status.*)?404`, noStage, pulling, creating),
	on("image-denied-or-absent", `pull access denied|requested access to the resource is denied|repository does not exist`, noStage, pulling),
	onKnown("image-denied-or-absent", `: denied$`, pulling),
	onKnown("registry-no-credential", `\bunauthorized\b`, pulling),

	// The way to the registry.
	onKnown("registry-x509", `x509: |tls: failed to verify certificate|certificate (signed by unknown authority|has expired|is not valid|is not trusted)|remote error: tls`, noStage, pulling),
	onKnown("registry-plain-http", `server gave http response|malformed http response|first record does not look like a tls handshake`, noStage, pulling),
	onKnown("pull-dns", `no such host|server misbehaving|temporary failure in name resolution|getaddrinfow`, noStage, pulling),
	on("pull-layer-s3", `failed to copy: http ?read(er)?seeker|httpread(er)?seeker: failed open|error pulling image conf|failed to pull and unpack.*\{s3-url\}`, noStage, pulling),
	on("pull-layer-s3", `pull command failed`, noStage, pulling, preparing),
	on("pull-network", `cannot pull \{image\} from the registry \{host\}\. there is a con`, noStage, pulling),
	onKnown("pull-network", `i/o timeout|net/http: (request cancell?ed|tls handshake timeout)|request cancell?ed while waiting|connection refused|connection reset|connection timed out|no route to host|network is unreachable|client\.timeout exceeded|context deadline exceeded|context canceled|proxyconnect|forcibly closed|actively refused|did not properly respond|check your (task )?network configuration|connection issue`, noStage, pulling),
	onKnown("registry-5xx", `received unexpected http status: 5|unexpected (http )?status.*\b50[0-9]\b|50[0-9] (internal server error|bad gateway|service unavailable|gateway time-?out)|could not reach any registry endpoint`, noStage, pulling),
	on("registry-5xx", `could not reach any registry endpoint`, noStage, pulling),
	on("pull-timeout", `could not transition to (pulled|pullbegin|manifest_pulled)\b|inactivity time exceeded timeout while pulling image`),
	onKnown("pull-disk", `no space left on device|thin pool has|insufficient.*(disk|storage)|not enough space on the disk|disk quota exceeded`, noStage, pulling, creating, starting),
	on("pull-media-type", `no processor for media-type|failed to extract layer|layer verification failed|unsupported manifest|invalid reference format|unsupported media type|failed to register layer|missing signature key|unexpected commit digest|content descriptor .* not found|repo digest matching|schema 1 support`, noStage, pulling, creating),

	// Placement, in the words of the scheduler.
	on("role-not-assumable", `unable to assume the role|not authorized to perform:? sts:assumerole.*\{role\}`),
	on("place-attribute", `missing (an )?attribute.* required by your task|^"?attribute"?[.…]*$|memberof placement constraint unsatisfied|encountered error ['"]?attribute\b`),
	on("place-no-instances", `no container instances (were )?(found|are registered)|no container instances were found`),
	on("place-agent", `encountered error ['"]?agent\b|^"?agent"?[.…]*$|agent that's currently disconnected|agent is disconnected|doesn't have the agent connected`),
	on("place-capacity", `\bresource:([a-z_*]+)|closest matching .*(insufficient|(doesn't|does not) have enough)|unable to launch instance\(s\) for capacity provider .*(insufficientinstancecapacity|unfulfillablecapacity|exceeded)|insufficient (cpu|memory)( units)? available|already using a port|reached the limit on the number|above your limit|capacity is unavailable|resourcesinsufficient|not enough (cpu|memory)`),
	on("eni", `timeout waiting for (network interface|ephemeralstorage) provisioning|unexpected ec2 error while attempting to|unused device index|network interface provision|cannotcreatenetworkinterface|^internalerror\b`),
	on("infrastructure", `spot (task|instance)|spot interruption|host ec2 .?instance|instance \S+ (was )?(terminated|stopped)|infrastructurehealth|terminationnotice|maintenance on the underlying infrastructure`),

	on("docker-timeout", `dockertimeouterror|containerruntimetimeouterror|could not transition to \w+; timed out`),
	on(OutOfMemory, `^(\S+: )?outofmemoryerror\b|container killed due to memory|oom-kill|\boomkilled\b`),
	on("agent-payload", `unrecogni(z)?edtaskerror: |error loading task - `),
	on("start-other", `cannotstartcontainererror`),
	on(WrapperNoCause, `^(task failed to start|essential container in task exited|task stopped by .*|.*is unable to consistently start tasks successfully.*|.*(deployment circuit breaker|deployment failed): tasks? failed to start.*|task failed elb health checks.*|scaling activity initiated by.*)[.…]*$`),
	on("place-unassigned", `\bwas unable to place a task\b`, noStage),
	on(ApplicationExit, `failed container health checks|is unhealthy in \(?target-group|\bexit(ed)?,? ?((with|non-?zero|status|code)[ :=]*)+\(?-?[0-9]+|\bexitcode["' ]*[:=]? ?[0-9]+|^exited \([0-9]+\)`),
}

func (r rule) fits(lower string, in stage, spoken func() bool) bool {
	if r.in != nil {
		fits := false
		for _, one := range r.in {
			fits = fits || one == in
		}
		if !fits {
			return false
		}
	}
	return r.pattern.MatchString(lower) && (!r.known || in != noStage || spoken())
}

func decide(lower string, in stage) ID {
	if id, settled := exited(lower, in); settled {
		return id
	}
	if in == noStage && calledByApplication(lower) {
		return Unrecognised
	}
	if rest, found := unplaced(lower); found {
		if id := decide(rest, in); id != Unrecognised {
			return id
		}
		return "place-unassigned"
	}
	spoken := func() bool { return signs.MatchString(lower) }
	for _, r := range rules {
		if r.fits(lower, in, spoken) {
			return r.id
		}
	}
	return Unrecognised
}

// exits are what ECS says of an essential container that ran and ended.
var exits = []string{"essential container in task exited", "essential container exited", "essentialcontainerexited"}

// exited settles texts that say that the application ended: what is quoted
// behind it is the application's own, unless it has a class of ECS's.
func exited(lower string, in stage) (ID, bool) {
	for _, sentence := range exits {
		_, rest, found := strings.Cut(lower, sentence)
		if !found {
			continue
		}
		switch rest = strings.Trim(rest, " .:;,-"); {
		case in == otherStage && strings.Contains(rest, "could not transition to "):
			// AWS Batch puts the sentence in front of what the runtime didn't answer.
			return "", false
		case in == pulling || in == creating || in == starting || in == preparing || in == configuring:
			return "", false
		case rest == "" && sentence == exits[0]:
			return WrapperNoCause, true
		case strings.Contains(rest, "killed due to memory") || strings.HasPrefix(rest, "outofmemoryerror"):
			return OutOfMemory, true
		default:
			return ApplicationExit, true
		}
	}
	return "", false
}

// calls is how the AWS SDK for Python reports a refused call. ECS and its agent
// are not written in Python, so it is an application's own, unless the call is
// one that starts or registers something with ECS, as people copy it from a shell.
var (
	calls    = lazyregexp.New(`an error occurred \(\w+\) when calling the \w+ operation`)
	ecsCalls = lazyregexp.New(`when calling the (runtask|starttask|createservice|updateservice|createtaskset|registertaskdefinition|registercontainerinstance|submitjob) operation`)
)

func calledByApplication(lower string) bool {
	return calls.MatchString(lower) && !ecsCalls.MatchString(lower)
}

// unplaced gives what a service event quotes behind "unable to place a task".
func unplaced(lower string) (rest string, found bool) {
	_, rest, found = strings.Cut(lower, "was unable to place a task. reason: ")
	return withoutStopCode(strings.TrimSpace(rest)), found
}
