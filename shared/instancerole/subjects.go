package instancerole

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/trustpolicy"
)

// Target is a role before anything was read: its name, the instance profile
// through which EC2 named it, or a policy that roles have.
type Target struct {
	Role    string
	Profile string
	// Policy stands for all roles that it is attached to.
	Policy PolicyARN
	// Account is the one that the event speaks of, "" where it does not say.
	Account string
	// Region is where an instance runs under the role, "" where the event is
	// IAM's, which belongs to no Region.
	Region string
	// Instance is what the event says about an instance that runs under the role.
	Instance Instance
	// Calls are those that asked for the look, in the order of their times.
	Calls []Call
	// Refused are actions that AWS refused to the role's instances, as
	// diagnose-failure reports them; in the spelling of the needs.
	Refused []string
	// Undo asks to take back what was attached.
	Undo bool
	// ByHand is set where a person named the role in an invocation.
	ByHand bool
	// Teardown says that the role's owner is removing it.
	Teardown bool
	// Redelivered says that the queue has delivered one of the messages before.
	Redelivered bool
}

// Call is a recorded API call about a role.
type Call struct {
	Name  string
	At    time.Time
	Actor event.Actor
	// Policy is the one that was attached or detached.
	Policy PolicyARN
}

// last gives the time of the latest call, zero where no call asked for the look.
func (t Target) last() time.Time {
	if len(t.Calls) == 0 {
		return time.Time{}
	}
	return t.Calls[len(t.Calls)-1].At
}

// actor is who made the latest call.
func (t Target) actor() event.Actor {
	if len(t.Calls) == 0 {
		return event.Actor{}
	}
	return t.Calls[len(t.Calls)-1].Actor
}

// creator is who made the role, as its record has it; "" where no call tells.
func (t Target) creator() string {
	for _, call := range t.Calls {
		if call.Name == "CreateRole" {
			return principal(call.Actor)
		}
	}
	return ""
}

// Merge joins two looks at one role: what every call says counts.
func Merge(a, b Target) Target {
	a.Calls = slices.Concat(a.Calls, b.Calls)
	slices.SortStableFunc(a.Calls, func(x, y Call) int { return x.At.Compare(y.At) })
	a.ByHand = a.ByHand || b.ByHand
	a.Teardown = a.Teardown || b.Teardown
	a.Redelivered = a.Redelivered || b.Redelivered
	a.Refused = appendNew(a.Refused, b.Refused...)
	return a
}

// Instance is what an EC2 event says about a launch.
type Instance struct {
	ID string
	// Image is an image's id, or the "resolve:ssm:…" of a launch.
	Image string
	// Template and TemplateVersion name the launch template, where there is one.
	Template, TemplateVersion string
	// Managed says that ECS operates the instance (ECS Managed Instances).
	Managed bool
	// Name is the instance's tag of that name.
	Name string
}

type subject = pipeline.Subject[Target]

var (
	// CreateRole, RoleName in the IAM API Reference.
	roleName    = lazyregexp.New(`^[\w+=,.@-]{1,64}$`)
	profileName = lazyregexp.New(`^[\w+=,.@-]{1,128}$`)
	instanceID  = lazyregexp.New(`^i-[0-9a-f]{8,17}$`)
	regionName  = lazyregexp.New(`^[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}$`)
	roleARN     = lazyregexp.New(`^arn:aws[a-z-]*:iam::(\d{12}):role/(?:[\x21-\x7e]+/)?([\w+=,.@-]{1,64})$`)
)

// roleEvents are the calls that change what a role can do or is for.
var roleEvents = []string{
	"CreateRole", "UpdateAssumeRolePolicy", "TagRole", "UntagRole", "AttachRolePolicy", "DetachRolePolicy",
	"PutRolePolicy", "DeleteRolePolicy", "PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary",
	"AddRoleToInstanceProfile",
}

// policyEvents are the calls that change what all roles of a policy can do.
var policyEvents = []string{"CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion"}

// teardownEvents are the calls by which a role goes out of use. Those that fail
// for what is attached report it, too.
var teardownEvents = []string{"RemoveRoleFromInstanceProfile", "DeleteInstanceProfile", "DeleteRole"}

// takingEvents are the calls that take rights away from a role.
var takingEvents = []string{"DetachRolePolicy", "DeleteRolePolicy", "RemoveRoleFromInstanceProfile", "DeleteInstanceProfile", "DeleteRole"}

// givingEvents are the calls by which an owner may grant what was lent.
var givingEvents = []string{"AttachRolePolicy", "PutRolePolicy", "CreatePolicyVersion", "SetDefaultPolicyVersion"}

// Subjects lists the roles that a trigger concerns.
func (s Settings) Subjects(trigger event.Trigger) []subject {
	switch typed := trigger.(type) {
	case event.Call:
		return s.ofCall(typed)
	case event.ByHand:
		return []subject{s.byHand(typed)}
	default:
		return nil
	}
}

func (s Settings) ofCall(call event.Call) []subject {
	is := func(service string, names []string) bool {
		return call.Service == service+".amazonaws.com" && slices.Contains(names, call.Name)
	}
	ofRole, ofPolicy, ofTeardown := is("iam", roleEvents), is("iam", policyEvents), is("iam", teardownEvents)
	ofInstance := is("ec2", []string{"RunInstances", "AssociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation"})
	conflict := ofTeardown && strings.HasPrefix(call.ErrorCode, "DeleteConflict")
	switch {
	case !ofRole && !ofPolicy && !ofTeardown && !ofInstance:
		return nil
	case call.ErrorCode != "" && !conflict:
		return []subject{skip(call.Name, callFailed, finding.Words("call", call.Name), finding.Answer("failure", call.ErrorCode))}
	case call.Actor.IsAnyOf(s.OwnRoles):
		return []subject{skip(call.Name, callOwn, finding.Words("call", call.Name))}
	case ofRole:
		return []subject{s.ofRoleCall(call)}
	case ofPolicy:
		return []subject{s.ofPolicyCall(call)}
	case ofTeardown:
		return []subject{s.ofTeardownCall(call)}
	default:
		return s.ofInstanceCall(call)
	}
}

// iamRequest is what the parameters of IAM's calls have in common.
type iamRequest struct {
	RoleName, InstanceProfileName, PolicyArn string
	SetAsDefault                             any
}

func requestOf(call event.Call) (request iamRequest) {
	// What is not an object names nothing.
	_ = json.Unmarshal(call.Request, &request)
	return request
}

func callOf(call event.Call, request iamRequest) []Call {
	made := Call{Name: call.Name, At: call.Time, Actor: call.Actor}
	_ = made.Policy.UnmarshalText([]byte(request.PolicyArn))
	return []Call{made}
}

func (s Settings) ofRoleCall(call event.Call) subject {
	request := requestOf(call)
	if !roleName.MatchString(request.RoleName) {
		return malformed(call.Name, fmt.Sprintf("the call %s names no role in requestParameters.roleName", call.Name))
	}
	return s.role(request.RoleName, Target{Account: accountID(call.Account), Calls: callOf(call, request), Redelivered: call.Redelivered})
}

func (s Settings) ofPolicyCall(call event.Call) subject {
	request := requestOf(call)
	var policy PolicyARN
	if policy.UnmarshalText([]byte(request.PolicyArn)) != nil {
		return malformed(call.Name, fmt.Sprintf("the call %s names no policy in requestParameters.policyArn", call.Name))
	}
	label := "policy/" + policy.name()
	if call.Name == "CreatePolicyVersion" && fmt.Sprint(request.SetAsDefault) != "true" {
		return skip(label, notDefault, finding.Name("policy", policy.name()))
	}
	return subject{Name: label, Key: label + " " + string(policy), Of: Target{Policy: policy, Account: accountID(call.Account), Calls: callOf(call, request), Redelivered: call.Redelivered}}
}

func (s Settings) ofTeardownCall(call event.Call) subject {
	request := requestOf(call)
	target := Target{Account: accountID(call.Account), Calls: callOf(call, request), Teardown: true, Redelivered: call.Redelivered}
	switch {
	case call.Name == "DeleteRole" && call.ErrorCode == "":
		return skip("role/"+request.RoleName, roleDeleted)
	case roleName.MatchString(request.RoleName):
		return s.role(request.RoleName, target)
	case call.ErrorCode != "" && profileName.MatchString(request.InstanceProfileName):
		// The profile still holds its role.
		label := "instance-profile/" + request.InstanceProfileName
		target.Profile = request.InstanceProfileName
		return subject{Name: label, Key: label + " teardown", Of: target}
	case roleName.MatchString(request.InstanceProfileName):
		// The event doesn't name the role that it held, which most often has the same
		// name.
		return s.role(request.InstanceProfileName, target)
	default:
		return malformed(call.Name, fmt.Sprintf("the call %s names neither a role nor an instance profile", call.Name))
	}
}

// accountID drops what is no account's id: people blank it in examples.
func accountID(text string) string {
	if len(text) == 12 && strings.Trim(text, "0123456789") == "" {
		return text
	}
	return ""
}

// byHand takes {"role": "name"} and {"undo": "name"}; a name may be an ARN.
func (s Settings) byHand(request event.ByHand) subject {
	_, asksUndo := request.Fields["undo"]
	_, asksRole := request.Fields["role"]
	field := "role"
	if asksUndo {
		field = "undo"
	}
	written, _ := request.Text(field)
	written = strings.TrimSpace(written)
	target := Target{Undo: asksUndo, Account: s.account(), ByHand: !request.Queued, Redelivered: request.Redelivered}
	refused, _ := request.Text(event.RefusedField)
	if action, _ := neededAction(refused); action != "" {
		target.Refused = []string{action}
	}
	name := written
	if parts := roleARN.FindStringSubmatch(written); parts != nil {
		target.Account, name = parts[1], parts[2]
	}
	if asksUndo == asksRole || !roleName.MatchString(name) {
		return malformed("request", `a request by hand is {"role": "NAME"} to look at a role, or {"undo": "NAME"} to take back what was attached, with a role's name or ARN`)
	}
	return s.role(name, target)
}

// account is this stack's, by its own roles; "" where the settings name none.
func (s Settings) account() string {
	for _, own := range s.OwnRoles {
		if parts := roleARN.FindStringSubmatch(strings.TrimSpace(own)); parts != nil {
			return parts[1]
		}
	}
	return ""
}

func (s Settings) role(name string, target Target) subject {
	target.Role = name
	label := "role/" + name
	if ownRole(s.OwnRoles, name, target.Account) {
		return skip(label, roleOwn)
	}
	key := label + " " + target.Account
	switch {
	case target.Undo:
		key += " undo"
	case target.Teardown:
		key += " teardown"
	}
	return subject{Name: label, Key: key, Of: target}
}

// skip is a subject that is not ours, and why.
func skip(name string, template finding.Template, values ...finding.Value) subject {
	why := template.With(values...)
	return pipeline.Skip[Target](name, why.Code, why.Message)
}

func malformed(name, problem string) subject {
	return pipeline.Reject[Target](name, pipeline.MalformedEvent(problem))
}

// ownRole compares names: a role's name is unique in its account whatever its path.
func ownRole(own []string, name, account string) bool {
	return slices.ContainsFunc(own, func(arn string) bool {
		parts := roleARN.FindStringSubmatch(strings.TrimSpace(arn))
		return parts != nil && strings.EqualFold(parts[2], name) && (account == "" || account == parts[1])
	})
}

// ofInstanceCall finds each launch's instance profile. It stands in the request
// of a plain RunInstances; for a launch through a template or by Auto Scaling
// only in the response; and for the two calls that change the profile of an
// instance inside another object, with names in capitals.
func (s Settings) ofInstanceCall(call event.Call) []subject {
	request, response := readJSON(call.Request), readJSON(call.Response)
	template := request.find("launchTemplate")
	version := cmp.Or(template.text("version"), request.find("launchTemplateSpecification").text("version"))
	launched := Instance{
		Image:           request.find("imageId").string(),
		Template:        cmp.Or(template.text("launchTemplateId"), template.text("launchTemplateName")),
		TemplateVersion: version,
	}
	instances := response.find("instancesSet").find("items").list()
	if len(instances) == 0 {
		// One instance: that of an association, or of a response that CloudTrail
		// left out because it was too large.
		instances = []node{response}
	}
	account := accountID(call.Account)
	region := call.Region
	if !regionName.MatchString(region) {
		region = ""
	}
	var subjects []subject
	for _, item := range instances {
		instance := launched
		instance.ID = cmp.Or(item.find("instanceId").string(), request.find("instanceId").string())
		if !strings.HasPrefix(instance.Image, "resolve:") {
			instance.Image = cmp.Or(item.find("imageId").string(), instance.Image)
		}
		instance.Managed = isOfECS(item.find("operator").text("principal")) || isOfECS(call.Actor.InvokedBy)
		instance.Name = cmp.Or(nameTag(item.find("tagSet")), nameTag(request.find("tagSpecificationSet")))
		given := item.find("iamInstanceProfile")
		asked := request.find("iamInstanceProfile")
		profile := cmp.Or(given.text("arn"), given.text("name"), asked.text("arn"), asked.text("name"))
		target := Target{Account: account, Region: region, Instance: instance, Calls: callOf(call, iamRequest{}), Redelivered: call.Redelivered}
		if parts := strings.SplitN(profile, ":", 6); len(parts) == 6 {
			target.Account, profile = parts[4], parts[5]
		}
		target.Profile = profile[strings.LastIndexByte(profile, '/')+1:]
		label := "instance-profile/" + target.Profile
		switch {
		case target.Profile == "" && instance.ID != "" && instanceID.MatchString(instance.ID):
			label = "instance/" + instance.ID
		case !profileName.MatchString(target.Profile):
			continue
		}
		// Instances of one template and image are one look: an Auto Scaling group
		// launches many alike.
		key := strings.Join([]string{"instance-profile/" + target.Profile, target.Account, target.Region, instance.Image, instance.Template, instance.TemplateVersion}, " ")
		if instance.Template == "" && call.Name != "RunInstances" {
			key += " " + instance.ID
		}
		if !slices.ContainsFunc(subjects, func(known subject) bool { return known.Key == key }) {
			subjects = append(subjects, subject{Name: label, Key: key, Of: target})
		}
	}
	if len(subjects) == 0 {
		return []subject{skip(call.Name, noProfileNamed, finding.Words("call", call.Name))}
	}
	return subjects
}

// isOfECS reports whether a service principal is ECS's.
func isOfECS(principal string) bool {
	return trustpolicy.NamesService([]string{principal}, trustpolicy.ECS)
}

// nameTag gives the value of the tag Name below a node.
func nameTag(tags node) string {
	for _, tag := range tags.find("items").list() {
		if tag.text("key") == "Name" {
			return tag.text("value")
		}
		if name := nameTag(tag.find("tags")); name != "" {
			return name
		}
		for _, inner := range tag.find("tags").list() {
			if inner.text("key") == "Name" {
				return inner.text("value")
			}
		}
	}
	return ""
}

// node is a part of a JSON document of whatever shape.
type node struct{ value any }

func readJSON(raw json.RawMessage) node {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return node{}
	}
	return node{value}
}

// find gives the field of that name, whatever its capitals, at the shallowest
// depth at which there is one; within one depth, the first in order of names.
func (n node) find(name string) node {
	level := []any{n.value}
	for len(level) > 0 {
		var below []any
		for _, value := range level {
			switch typed := value.(type) {
			case map[string]any:
				keys := make([]string, 0, len(typed))
				for key := range typed {
					keys = append(keys, key)
				}
				slices.Sort(keys)
				for _, key := range keys {
					if strings.EqualFold(key, name) && typed[key] != nil {
						return node{typed[key]}
					}
					below = append(below, typed[key])
				}
			case []any:
				below = append(below, typed...)
			}
		}
		level = below
	}
	return node{}
}

func (n node) string() string {
	text, _ := n.value.(string)
	return text
}

func (n node) list() []node {
	values, _ := n.value.([]any)
	nodes := make([]node, len(values))
	for i, value := range values {
		nodes[i] = node{value}
	}
	return nodes
}

// text gives a field of the node itself, and of none below it; a template's
// version may come as a number.
func (n node) text(name string) string {
	fields, _ := n.value.(map[string]any)
	for key, value := range fields {
		if !strings.EqualFold(key, name) {
			continue
		}
		switch typed := value.(type) {
		case string:
			return typed
		case float64:
			return strconv.FormatFloat(typed, 'f', -1, 64)
		}
	}
	return ""
}
