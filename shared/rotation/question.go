package rotation

import (
	"slices"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
	"github.com/ecs-guardrails/ecs-guardrails/shared/storedfile"
)

// Question is one thing that a step's decision needs and that the observation
// doesn't have yet.
type Question struct {
	Kind QuestionKind
	// For tells the questions of a kind apart: a version, a user, a role in the step.
	For string

	// What is asked about; each kind uses some of these.
	SecretID, Version, Label string
	// MayBeLocked accepts a value that can't be decrypted as an answer.
	MayBeLocked bool
	Registry    registry.Registry
	Credential  registry.Credential
	Image       *registry.Image
	// Wait keeps trying until the registry takes the credential, or LoginWait is over.
	Wait     bool
	Order    registry.Order
	Driver   string
	Entries  []ConfigEntry
	Fleets   []fleet
	Clusters []string
	Families string
	Images   []registry.Question
}

// QuestionKind is what a question is about.
type QuestionKind string

// The kinds of question.
const (
	// AskValue: a version's value.
	AskValue QuestionKind = "value"
	// AskLogin: does the registry take a credential?
	AskLogin QuestionKind = "login"
	// AskIssued: which credentials does the registry have for this secret?
	AskIssued QuestionKind = "issued"
	// AskStanding: what does the registry tell about an account?
	AskStanding QuestionKind = "standing"
	// AskUsed: how many tokens are there, and how many may there be?
	AskUsed QuestionKind = "used"
	// AskReplicas: are the secret's replicas in sync?
	AskReplicas QuestionKind = "replicas"
	// AskConfigs: what do the listed ecs.config files hold?
	AskConfigs QuestionKind = "configs"
	// AskUnlisted: which other ecs.config files hold registry credentials?
	AskUnlisted QuestionKind = "unlisted"
	// AskFleets: which instances can be told, and how did the last commands end?
	AskFleets QuestionKind = "fleets"
	// AskAges: since when are the container instances of clusters registered?
	AskAges QuestionKind = "ages"
	// AskUses: which images do the task definitions name?
	AskUses QuestionKind = "uses"
	// AskPulls: may a credential pull images?
	AskPulls QuestionKind = "pulls"
	// AskOthers: which other secrets are tagged for a registry?
	AskOthers QuestionKind = "others"
)

func (q Question) key() string { return string(q.Kind) + " " + q.For }

// Names of the values and logins that steps ask for.
const (
	forOld           = "old"
	forNew           = "new"
	forPrevious      = "previous"
	forPending       = "pending"
	forAdministrator = "administrator"
	forCandidate     = "candidate"
	forInUse         = "in use"
)

// ask gives the questions that the decision still needs an answer to. It is pure.
func (r *Rotation) ask(o Observation) []Question {
	return slices.DeleteFunc(r.wanted(o), func(q Question) bool { return o.answered[q.key()] })
}

// wanted gives all questions that can be put so far, answered or not. It ends
// where the next ones depend on an answer that is missing.
func (r *Rotation) wanted(o Observation) []Question {
	switch {
	case r.descriptionOnly && o.Step == Review:
		return nil
	case r.settled(o):
		return o.underwayQuestions()
	}
	target, _ := parseTarget(o.Tags, r.drivers)
	questions := r.valueQuestions(o, target)
	if o.Step == TestSecret {
		questions = append(questions, Question{Kind: AskUses, Families: o.Tags[FamiliesTag]})
	}
	takesTurns := r.drivers[target.Driver].Accounts(o.Tags) == registry.TwoAccounts
	if o.Step == Review && takesTurns {
		questions = append(questions, Question{Kind: AskOthers})
	}
	if !o.has(questions...) {
		return questions
	}
	if o.Step == Review {
		return append(questions, r.reviewQuestions(o, target, takesTurns)...)
	}
	both, faults := r.read(o)
	if len(faults) > 0 {
		return questions
	}
	var logins []Question
	if credential, wanted := toProve(o, both); wanted {
		logins = append(logins, r.login(forCandidate, o, target, credential))
	}
	questions = append(questions, logins...)
	switch o.Step {
	case CreateSecret:
		if !both.hasNew {
			questions = append(questions, r.issuedQuestions(o, target, both.order)...)
			if r.takesTurns(o, target) {
				questions = append(questions, r.standingQuestions(target, both.order, both.order.Next)...)
			}
			questions = append(questions, r.replicaQuestions(o, target)...)
			questions = append(questions, r.holderQuestions(o, target, both)...)
		}
	case TestSecret:
		questions = append(questions, r.standingQuestions(target, both.order, o.subjectOfTest(both).Username)...)
	case FinishSecret:
		questions = append(questions, r.issuedQuestions(o, target, both.order)...)
		questions = append(questions, r.configQuestions(target)...)
	}
	if !o.has(logins...) {
		return questions
	}
	if r.wantsInUse(o, target, both) {
		questions = append(questions, r.login(forInUse, o, target, both.before.Credential))
		questions = append(questions, r.vouchQuestions(o, target, both)...)
	}
	if o.Step == TestSecret && o.Login.Err == nil {
		questions = append(questions, pullQuestions(o, target, both)...)
	}
	if o.Step == FinishSecret && o.has(r.configQuestions(target)...) {
		questions = append(questions, r.fleetQuestions(o, target, both)...)
		if len(r.mintedQuestions(o)) > 0 && !target.Hard {
			questions = append(questions, r.ageQuestions(o, target, both)...)
		}
	}
	return append(questions, r.mintedQuestions(o)...)
}

// has reports whether questions are answered.
func (o Observation) has(questions ...Question) bool {
	return !slices.ContainsFunc(questions, func(q Question) bool { return !o.answered[q.key()] })
}

// valueQuestions ask for the credential before and the one after a step, and for
// the administrator's.
func (r *Rotation) valueQuestions(o Observation, target Target) []Question {
	old, fresh := Question{Version: o.version(current), Label: current}, Question{Version: o.Version, Label: pending}
	if o.Step == Review || o.finished() {
		old, fresh = Question{Version: o.version(previous), Label: previous}, Question{Version: o.version(current), Label: current}
	}
	old.For, fresh.For = forOld, forNew
	questions := []Question{old, fresh}
	if _, running := o.graceEnd(target); o.Step == CreateSecret && o.version(previous) != "" && (running || r.sparesHolders(o, target)) {
		questions = append(questions, Question{For: forPrevious, Version: o.version(previous), Label: previous})
	}
	for i := range questions {
		questions[i].Kind, questions[i].SecretID = AskValue, o.ARN
	}
	questions = slices.DeleteFunc(questions, func(q Question) bool { return q.Version == "" })
	if target.Admin != "" && !o.administersItself(target) {
		questions = append(questions, Question{Kind: AskValue, For: forAdministrator, SecretID: target.Admin})
	}
	return questions
}

// login asks whether the registry takes a credential. testSecret waits until it
// does; the others ask once.
func (r *Rotation) login(purpose string, o Observation, target Target, credential registry.Credential) Question {
	q := Question{Kind: AskLogin, For: purpose, Registry: target.Registry, Credential: credential}
	if o.Step == TestSecret {
		q.Wait, q.Image = true, target.Image
	}
	return q
}

// vouchQuestions try the previous credential, where the registry refuses the one in
// use.
func (r *Rotation) vouchQuestions(o Observation, target Target, both documents) []Question {
	if _, bound := r.drivers[target.Driver].(registry.Bound); !bound || o.version(previous) == "" || o.InUse == nil || o.InUse.Err == nil {
		return nil
	}
	questions := []Question{{Kind: AskValue, For: forPrevious, SecretID: o.ARN, Version: o.version(previous), Label: previous, MayBeLocked: true}}
	if credential, may := r.vouches(o, target, both); may && o.has(questions...) {
		questions = append(questions, r.login(forPrevious, o, target, credential))
	}
	return questions
}

func (r *Rotation) issuedQuestions(_ Observation, target Target, order registry.Order) []Question {
	if _, lists := r.drivers[target.Driver].(registry.Lister); !lists {
		return nil
	}
	return []Question{{Kind: AskIssued, Order: order, Driver: target.Driver}}
}

// mintedQuestions ask for the values of the versions that credentials were issued
// for, to tell those that are held under another version as well.
func (r *Rotation) mintedQuestions(o Observation) []Question {
	var questions []Question
	for _, issued := range o.Issued {
		if issued.Version != o.Version && issued.Version != o.version(current) {
			questions = append(questions, Question{Kind: AskValue, For: issued.Version, SecretID: o.ARN, Version: issued.Version, MayBeLocked: true})
		}
	}
	return questions
}

func (r *Rotation) standingQuestions(target Target, order registry.Order, username string) []Question {
	if _, inspects := r.drivers[target.Driver].(registry.Inspector); !inspects || username == "" {
		return nil
	}
	return []Question{{Kind: AskStanding, For: username, Order: order, Driver: target.Driver}}
}

// replicaQuestions wait for replicas, where the rotation would end the credential
// that those behind still serve.
func (r *Rotation) replicaQuestions(o Observation, target Target) []Question {
	asked := Question{Kind: AskReplicas}
	if !r.takesTurns(o, target) || target.InPlace || !o.answered[asked.key()] && !isReplicating(o.Replicas) {
		return nil
	}
	return []Question{asked}
}

// sparesHolders reports whether a rotation gives the standby account no new password
// while instances hold the one it has. Which do is known of listed files.
func (r *Rotation) sparesHolders(o Observation, target Target) bool {
	return r.takesTurns(o, target) && !target.InPlace && !target.Hard && len(target.Configs) > 0
}

// holderQuestions find the instances that hold the previous credential, where the
// rotation would end it.
func (r *Rotation) holderQuestions(o Observation, target Target, both documents) []Question {
	if !r.sparesHolders(o, target) || !endsPrevious(o, both) {
		return nil
	}
	questions := r.configQuestions(target)
	if !o.has(questions...) {
		return questions
	}
	questions = append(questions, r.fleetQuestions(o, target, both)...)
	if !o.has(questions...) {
		return questions
	}
	return append(questions, r.ageQuestions(o, target, both)...)
}

func (r *Rotation) configQuestions(target Target) []Question {
	if len(target.Configs) == 0 {
		return nil
	}
	return []Question{{Kind: AskConfigs, Entries: target.Configs}}
}

func (r *Rotation) fleetQuestions(o Observation, target Target, both documents) []Question {
	fleets, _ := r.fleets(o, target, both)
	if len(fleets) == 0 {
		return nil
	}
	return []Question{{Kind: AskFleets, Fleets: fleets}}
}

// pullQuestions ask whether the new credential pulls the images that are in use,
// and for those that it doesn't whether the credential in use does.
func pullQuestions(o Observation, target Target, both documents) []Question {
	images := o.imagesInUse(target)
	if len(images) == 0 {
		return nil
	}
	questions := make([]registry.Question, len(images))
	for i, image := range images {
		questions[i] = registry.Question{Registry: target.Registry, Image: image, Credential: o.subjectOfTest(both)}
	}
	first := Question{Kind: AskPulls, For: forNew, Images: questions}
	if !o.has(first) || !both.hasNew {
		return []Question{first}
	}
	var doubtful []registry.Question
	for i, answer := range o.Pulls[forNew] {
		if answer.Access != registry.Allowed {
			doubtful = append(doubtful, registry.Question{Registry: target.Registry, Image: images[i], Credential: both.before.Credential})
		}
	}
	if len(doubtful) == 0 {
		return []Question{first}
	}
	return []Question{first, {Kind: AskPulls, For: forOld, Images: doubtful}}
}

// reviewQuestions are those of a look between rotations: what the next rotation
// needs, what still has the previous credential, and who holds it.
func (r *Rotation) reviewQuestions(o Observation, target Target, takesTurns bool) []Question {
	next, faults := r.prospect(o)
	if len(faults) > 0 {
		return nil
	}
	questions := []Question{r.login(forInUse, o, target, next.before.Credential)}
	if target.Image != nil {
		questions = append(questions, Question{Kind: AskPulls, For: forInUse, Images: []registry.Question{{Registry: target.Registry, Image: *target.Image, Credential: next.before.Credential}}})
	}
	questions = append(questions, r.standingQuestions(target, next.order, next.before.Credential.Username)...)
	if takesTurns && !target.InPlace {
		questions = append(questions, r.standingQuestions(target, next.order, next.order.Next)...)
	}
	questions = append(questions, r.issuedQuestions(o, target, next.order)...)
	if _, limited := r.drivers[target.Driver].(registry.Limited); limited {
		questions = append(questions, Question{Kind: AskUsed, Order: next.order, Driver: target.Driver})
	}
	if len(r.configBuckets) > 0 {
		questions = append(questions, Question{Kind: AskUnlisted, Entries: target.Configs})
	}
	if slices.ContainsFunc(r.rivals(o, target), func(other OtherSecret) bool { return o.isTwin(target, other) }) {
		questions = append(questions, Question{Kind: AskUses, Families: o.Tags[FamiliesTag]})
	}
	for _, other := range r.rivals(o, target) {
		questions = append(questions, Question{Kind: AskValue, For: other.ARN, SecretID: other.ARN, MayBeLocked: true})
	}
	questions = append(questions, r.mintedQuestions(o)...)
	both, faults := r.read(o)
	if len(faults) > 0 || !both.hasNew || o.version(previous) == "" {
		return questions
	}
	if o.graceOver(target) {
		questions = append(questions, r.login(forCandidate, o, target, both.before.Credential))
	}
	questions = append(questions, r.configQuestions(target)...)
	if !o.has(questions...) {
		return questions
	}
	questions = append(questions, r.fleetQuestions(o, target, both)...)
	if o.has(r.fleetQuestions(o, target, both)...) {
		questions = append(questions, r.ageQuestions(o, target, both)...)
	}
	return questions
}

// underwayQuestions ask since when a rotation is under way, which a look finds.
func (o Observation) underwayQuestions() []Question {
	if o.Step != Review || !o.underway() {
		return nil
	}
	return []Question{{Kind: AskValue, For: forPending, SecretID: o.ARN, Version: o.version(pending), Label: pending, MayBeLocked: true}}
}

func (r *Rotation) ageQuestions(o Observation, target Target, both documents) []Question {
	clusters := r.clustersOfFiles(o, target, both)
	if len(clusters) == 0 {
		return nil
	}
	return []Question{{Kind: AskAges, Clusters: clusters}}
}

// settled reports whether the secret's description says all.
func (r *Rotation) settled(o Observation) bool {
	if o.Step == Review {
		_, more := r.reviewable(o)
		return !more
	}
	return len(r.inadmissible(o)) > 0 || o.finished() && o.Step != FinishSecret
}

// Observation is all that a step's plan needs.
type Observation struct {
	Request
	// Now is when it was observed.
	Now time.Time
	// ARN and Name are the secret's own, whichever of them it was asked for by.
	ARN, Name string
	// Rotates says that rotation is enabled for the secret, by the function RotatedBy.
	Rotates   bool
	RotatedBy string
	// Function is this function's ARN; "" outside Lambda.
	Function string
	// Stages gives each version's staging labels.
	Stages map[string][]string
	Tags   map[string]string
	// Created, Rotated, Changed and Due are the secret's creation, its last rotation,
	// its last change of any kind, and the time by which the next rotation is to take
	// place; zero where there is none.
	Created, Rotated, Changed, Due time.Time
	// rhythm is that of the secret's schedule.
	rhythm rhythm
	// Replicas gives the state of each replica, by its region.
	Replicas map[string]string

	// What follows are answers. answered has the keys of the questions.
	answered map[string]bool

	// Old is the credential in use before the rotation, New the one after it: the
	// current and the pending value, and once the label has moved the previous
	// and the current one.
	Old, New Value
	// Previous is what carries AWSPREVIOUS while its grace time is running, or where it
	// may speak for the credential in use.
	Previous Value
	// Pending is what carries AWSPENDING at a look that finds a rotation under way.
	Pending Value
	// Administrator is the value of the administrator's secret.
	Administrator Value
	// Issued are the tokens that the registry lists for the secret, Minted the
	// values of the versions that they were issued for, where there still are any.
	Issued []registry.Issued
	Minted map[string]Value
	// Standings are what the registry says about users.
	Standings map[string]StandingAnswer
	// Used is how many tokens the registry has, Limits how many it may have; without
	// limits there is none.
	Used   int
	Limits []int
	// Configs are the listed files, Unlisted others with registry credentials.
	Configs, Unlisted ConfigFiles
	// Reached are the instances of the clusters that those files are for, Sent how
	// the last commands to each fleet ended, by their comment.
	Reached map[string]reach
	Sent    map[string]sent
	// Registered is when each container instance of a cluster was registered, Unseen
	// why those of others can't be listed.
	Registered map[string][]time.Time
	Unseen     map[string]string
	// Login is how the registry took a credential.
	Login *Attempt
	// InUse is how it took the one that is in use, where another one is about to be
	// changed, ended or replaced in a file.
	InUse *Attempt
	// Vouch is how it took the previous one, where it refuses the one in use.
	Vouch *Attempt
	// Uses are the images of the task definitions.
	Uses Uses
	// Pulls are answers about them: with the new credential, and with the one before;
	// at a look about the test image, with the one in use.
	Pulls map[string][]registry.Answer
	// Others are the other secrets that are tagged for a registry; OtherValues those
	// of the ones for the same registry, by ARN.
	Others      []OtherSecret
	OtherValues map[string]Value
}

// Value is what a version of the secret holds.
type Value struct {
	// Present is false for a version that was made, but never given a value.
	Present bool
	// Binary says that the value is no text.
	Binary bool
	Text   secret.Text
	// Made is when the version was given its value.
	Made time.Time
	// Locked says that there is one, encrypted with a key that is gone or closed
	// to us.
	Locked bool
}

// Attempt is a login to the registry.
type Attempt struct {
	registry.Login
	// Err is nil where the registry took the credential.
	Err *registry.Error
}

// StandingAnswer is what a registry told about an account.
type StandingAnswer struct {
	registry.Standing
	// Err is nil where the registry told.
	Err *registry.Error
	// Fault is what the driver found wrong itself.
	Fault *finding.Finding
}

// OtherSecret is a secret that is tagged for a registry.
type OtherSecret struct {
	ARN, Name string
	Created   time.Time
	Tags      map[string]string
}

// ConfigFiles are ecs.config files with a registry credential, and what kept
// others from being read.
type ConfigFiles struct {
	Files  []storedfile.File
	Faults []ConfigFault
}

// ConfigFault is why a file, or the files of a list's entry, could not be read.
type ConfigFault struct {
	// Where is the file or the entry, as s3://bucket/key.
	Where string
	// Listed says that the secret's tag names this very file.
	Listed bool
	Kind   ConfigFaultKind
	// Answer is the operation and its error code, "" where none failed.
	Answer string
}

// ConfigFaultKind is the sort of a ConfigFault.
type ConfigFaultKind int

// The faults.
const (
	FileUnreadable ConfigFaultKind = iota
	FileMissing
	TooManyFiles
	BucketUnlistable
)

func (f ConfigFault) String() string {
	if f.Answer == "" {
		return finding.Shown(f.Where)
	}
	return noted(f.Where, f.Answer)
}
