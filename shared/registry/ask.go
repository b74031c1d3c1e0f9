package registry

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Question asks whether one identity may pull one image. A caller that wants to
// know whether an image is public asks twice, without and with a credential, and
// hands both answers to VisibilityOf.
type Question struct {
	Registry Registry
	Image    Image
	// Credential is the zero value for an anonymous pull.
	Credential Credential
}

func (q Question) anonymous() bool {
	return q.Credential.Username == "" && q.Credential.Password.IsZero()
}

// Access is what a registry lets an identity do with an image.
type Access string

// The answers. A registry that hides what an identity may not see answers the
// same for a private and for an absent image; no answer here guesses.
const (
	// Allowed: the registry showed the manifest, so a pull works.
	Allowed Access = "allowed"
	// Absent: the registry shows the repository or all of its images to this
	// identity, and has no such image.
	Absent Access = "absent"
	// AbsentOrPrivate: there is no such image, or it is hidden from this identity;
	// the registry doesn't tell which. The usual answer to an anonymous pull.
	AbsentOrPrivate Access = "absent-or-private"
	// CredentialRefused: the registry doesn't take the credential, whatever the image.
	CredentialRefused Access = "credential-refused"
	// Denied: the credential logs in, and this image isn't shown to it. Registries
	// such as Docker Hub answer so for an absent image, too.
	Denied Access = "denied"
	// RateLimited: the registry answered 429; see Answer.Limit.
	RateLimited Access = "rate-limited"
	// Unanswered: no answer, or a server error. Asking later may help.
	Unanswered Access = "unreachable"
	// Blocked: the host has an address that a guarded client doesn't connect to.
	Blocked Access = "blocked"
	// Unusable: the answer isn't one that a registry gives, or leads where no
	// credential may go.
	Unusable Access = "unusable"
)

// Answer is what one look at an image showed.
type Answer struct {
	Access Access
	// Why is one sentence without a trailing period, in words that are never a
	// server's; "" where Access says all.
	Why string
	// Status is the HTTP status that decided, 0 where there was none.
	Status int
	// Limit is nil where the registry told no numbers and didn't answer 429.
	Limit *RateLimit
}

// Known reports whether the registry decided: not so where it couldn't be asked,
// or answered with a rate limit.
func (a Answer) Known() bool {
	switch a.Access {
	case Allowed, Absent, AbsentOrPrivate, CredentialRefused, Denied:
		return true
	}
	return false
}

// RateLimit is how many pulls a registry allows (RateLimit-Limit,
// RateLimit-Remaining as Docker Hub writes them: "100;w=21600").
type RateLimit struct {
	// Limit and Remaining are pulls per Window; -1 where the registry doesn't tell.
	Limit, Remaining int
	// Window is 0 where the registry doesn't tell.
	Window time.Duration
	// RetryAfter is how long to wait after a 429; 0 where the registry doesn't tell.
	RetryAfter time.Duration
}

// String gives the numbers as a clause, such as "3 of 100 pulls left in 6h0m0s".
func (l RateLimit) String() string {
	text := "it doesn't tell its limit"
	switch {
	case l.Limit >= 0 && l.Remaining >= 0:
		text = fmt.Sprintf("%d of %d pulls left", l.Remaining, l.Limit)
	case l.Limit >= 0:
		text = fmt.Sprintf("at most %d pulls", l.Limit)
	case l.Remaining >= 0:
		text = fmt.Sprintf("%d pulls left", l.Remaining)
	}
	if l.Window > 0 {
		text += " in " + l.Window.String()
	}
	if l.RetryAfter > 0 {
		text += ", next in " + l.RetryAfter.String()
	}
	return text
}

// Visibility is who may pull an image, as far as two answers tell.
type Visibility string

// The visibilities. UnknownVisibility also covers an image that one of two
// unanswered questions would have decided.
const (
	Public            Visibility = "public"
	Private           Visibility = "private"
	NoSuchImage       Visibility = "absent"
	HiddenOrAbsent    Visibility = "absent-or-private"
	UnknownVisibility Visibility = "unknown"
)

// VisibilityOf combines an anonymous answer with those for credentials.
func VisibilityOf(anonymous Answer, authenticated ...Answer) Visibility {
	shown := slices.ContainsFunc(authenticated, func(a Answer) bool { return a.Access == Allowed })
	absent := anonymous.Access == Absent || slices.ContainsFunc(authenticated, func(a Answer) bool { return a.Access == Absent })
	switch {
	case anonymous.Access == Allowed:
		return Public
	case !anonymous.Known():
		return UnknownVisibility
	case shown:
		return Private
	case absent:
		return NoSuchImage
	}
	return HiddenOrAbsent
}

const (
	// lookTime bounds one question, with all of its requests.
	lookTime = 15 * time.Second
	// parallelLooks is how many questions are asked side by side.
	parallelLooks = 8
	// MaxQuestions bounds how many questions one call of Ask sends out; those behind
	// are Unanswered without a request.
	MaxQuestions = 100
	// defaultRetry stands in for a Retry-After that a 429 didn't have.
	defaultRetry = time.Minute
	// longestRetry bounds how long a registry's rate limit is believed.
	longestRetry = 6 * time.Hour
)

// Asker asks registries about images, and remembers the answers. It is safe for
// concurrent use. A registry that answered 429 isn't asked again in the same
// user's name, or anonymously, before its Retry-After is over.
type Asker struct {
	client *Client
	now    func() time.Time
	keep   time.Duration

	mutex   sync.Mutex
	answers map[[sha256.Size]byte]remembered
	// limited has the rate limits by identity: registries count an address's
	// anonymous pulls apart from those of a user.
	limited map[[sha256.Size]byte]remembered
}

type remembered struct {
	answer Answer
	until  time.Time
}

// NewAsker makes an Asker. Give it a guarded client (NewGuardedClient) where
// strangers choose the images. Answers of a registry are kept for the time keep;
// 0 keeps none.
func NewAsker(client *Client, now func() time.Time, keep time.Duration) *Asker {
	return &Asker{client: client, now: now, keep: keep, answers: map[[sha256.Size]byte]remembered{}, limited: map[[sha256.Size]byte]remembered{}}
}

// Ask answers each question in its place, side by side. It never fails: what
// went wrong is in the answer. Each question is one HEAD for the manifest with
// what a docker pull sends before it, at most eight requests in 15 seconds;
// HEADs don't count as pulls ("Docker Hub pull usage and limits"). Beside them, an
// anonymous question follows up to three redirects of each request for a manifest.
func (a *Asker) Ask(ctx context.Context, questions []Question) []Answer {
	answers := make([]Answer, len(questions))
	first := map[[sha256.Size]byte]int{}
	var group errgroup.Group
	group.SetLimit(parallelLooks)
	for i, question := range questions {
		key := question.key()
		if _, twice := first[key]; twice {
			continue
		}
		first[key] = i
		if len(first) > MaxQuestions {
			answers[i] = Answer{Access: Unanswered, Why: "too many images were asked about at once"}
			continue
		}
		group.Go(func() error {
			answers[i] = a.answer(ctx, key, question)
			return nil
		})
	}
	_ = group.Wait()
	for i, question := range questions {
		answers[i] = answers[first[question.key()]]
	}
	return answers
}

// key is what an answer is remembered by. It never leaves the process.
func (q Question) key() [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q", q.Registry.Host, q.Image.Name, q.Image.Reference, q.Credential.Username, q.Credential.Password.Reveal()))
}

// identity is what a rate limit is remembered by.
func (q Question) identity() [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q", q.Registry.Host, q.Credential.Username))
}

func (a *Asker) answer(ctx context.Context, key [sha256.Size]byte, question Question) Answer {
	if known, ok := a.recall(key, question.identity()); ok {
		return known
	}
	limited, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	answer := a.client.look(limited, question)
	a.remember(key, question.identity(), answer)
	return answer
}

func (a *Asker) recall(key, identity [sha256.Size]byte) (Answer, bool) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	now := a.now()
	if known, ok := a.answers[key]; ok && now.Before(known.until) {
		return known.answer, true
	}
	if known, ok := a.limited[identity]; ok && now.Before(known.until) {
		return known.answer, true
	}
	return Answer{}, false
}

// maxRemembered bounds the memory of a function that lives for days.
const maxRemembered = 10_000

func (a *Asker) remember(key, identity [sha256.Size]byte, answer Answer) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	now := a.now()
	if len(a.answers)+len(a.limited) >= maxRemembered {
		clear(a.answers)
		clear(a.limited)
	}
	switch {
	case answer.Access == RateLimited:
		a.limited[identity] = remembered{answer, now.Add(min(cmp.Or(answer.Limit.RetryAfter, defaultRetry), longestRetry))}
	case answer.Known():
		a.answers[key] = remembered{answer, now.Add(a.keep)}
	}
}

// look asks one question.
func (c *Client) look(ctx context.Context, question Question) Answer {
	base, challenges, err := c.ping(ctx, question.Registry)
	if err != nil {
		return failed(err, nil)
	}
	manifest := base.JoinPath(question.Image.Name, "manifests", question.Image.Reference)
	scope := "repository:" + question.Image.Name + ":pull"
	visitor := session{client: c, base: base, credential: question.Credential, anonymous: true}
	open := len(challenges) == 0
	if open {
		got, err := visitor.askForManifest(ctx, http.MethodHead, manifest, "")
		if err != nil {
			return failed(err, nil)
		}
		if got.status != http.StatusUnauthorized {
			return visitor.judge(ctx, manifest, "", got, true)
		}
		// Some registries ask for a token only where it is about an image.
		challenges = parseChallenges(got.header)
	}
	switch bearer, ok := find(challenges, "bearer"); {
	case ok:
		if visitor.realm, err = realm(bearer, base); err != nil {
			return failed(err, nil)
		}
		visitor.service = bearer.parameters["service"]
	case question.anonymous():
		return Answer{Access: AbsentOrPrivate, Status: http.StatusUnauthorized, Why: fmt.Sprintf("%s shows nothing without a credential", base.Host)}
	default:
		if _, ok := find(challenges, "basic"); !ok {
			return failed(noChallenge(base), nil)
		}
	}
	visitor.anonymous = question.anonymous()
	got, err := visitor.askForManifest(ctx, http.MethodHead, manifest, scope)
	if err != nil {
		return visitor.whyRefused(ctx, failed(err, nil))
	}
	return visitor.judge(ctx, manifest, scope, got, false)
}

// judge reads the answer to the manifest's HEAD. everything says that the
// registry asks for no credential, and so hides nothing.
func (s session) judge(ctx context.Context, manifest *url.URL, scope string, got answer, everything bool) Answer {
	limit := rateLimit(got)
	switch got.status {
	case http.StatusOK, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		// The identity was good for it; where its bytes lie is another matter.
		return Answer{Access: Allowed, Status: got.status, Limit: limit}
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusBadRequest, http.StatusNotImplemented:
		// A HEAD has no body, and some registries serve none. A GET shows the code.
		var err error
		if got, err = s.askForManifest(ctx, http.MethodGet, manifest, scope); err != nil {
			return failed(err, limit)
		}
		limit = cmp.Or(rateLimit(got), limit)
	}
	host := manifest.Host
	switch code := errorCode(got.body); {
	case got.status == http.StatusOK:
		return Answer{Access: Allowed, Status: got.status, Limit: limit}
	case got.status == http.StatusNotFound && (everything || code == "MANIFEST_UNKNOWN" || hidesNothing(host)):
		return Answer{Access: Absent, Status: got.status, Limit: limit, Why: fmt.Sprintf("%s has no such image", host)}
	case got.status == http.StatusNotFound:
		return Answer{Access: AbsentOrPrivate, Status: got.status, Limit: limit, Why: fmt.Sprintf("%s has no such image, or hides it", host)}
	}
	return s.whyRefused(ctx, failed(unwelcome(manifest, "HEAD for the manifest", got), limit))
}

// maxRedirects bounds where an anonymous question is led.
const maxRedirects = 3

// askForManifest asks as ask does, and where no credential is at stake follows a
// registry that leads on to where it keeps its manifests, as registry.k8s.io does:
// only there is it known whether the image exists. A guarded client judges each
// address.
func (s session) askForManifest(ctx context.Context, method string, manifest *url.URL, scope string) (answer, error) {
	got, err := s.ask(ctx, method, manifest, scope)
	address := manifest
	for range maxRedirects {
		if err != nil || !s.anonymous || !leadsOn(got) {
			return got, err
		}
		next, parsed := address.Parse(got.header.Get("Location"))
		if parsed != nil || next.Host == "" || next.User != nil {
			return answer{}, &Error{Kind: Unexpected, Status: got.status, text: fmt.Sprintf("%s redirects to no address", address.Host)}
		}
		address = next
		request, failure := http.NewRequestWithContext(ctx, method, address.String(), nil)
		if failure != nil {
			return answer{}, fmt.Errorf("make the request to %s: %w", address.Host, failure)
		}
		request.Header.Set("Accept", manifestTypes)
		got, err = s.client.do(request)
	}
	if err == nil && leadsOn(got) {
		return answer{}, &Error{Kind: Unexpected, Status: got.status, text: fmt.Sprintf("%s redirects more than %d times", manifest.Host, maxRedirects)}
	}
	return got, err
}

// leadsOn reports whether an answer has the same request made elsewhere.
func leadsOn(got answer) bool {
	return got.status == http.StatusTemporaryRedirect || got.status == http.StatusPermanentRedirect
}

// hidesNothing reports whether a registry's images are for everybody, so that
// its 404 means what it says.
func hidesNothing(host string) bool {
	return slices.Contains([]string{"public.ecr.aws", "mcr.microsoft.com", "registry.k8s.io", "registry.access.redhat.com", "docker.elastic.co"}, host)
}

// whyRefused tells a credential that doesn't log in from one that logs in and
// may not pull: the login is asked for without naming an image.
func (s session) whyRefused(ctx context.Context, answer Answer) Answer {
	if answer.Access != Denied {
		return answer
	}
	host := s.base.Host
	if s.anonymous {
		answer.Access = AbsentOrPrivate
		answer.Why = fmt.Sprintf("%s shows it to no one without a credential: it is private, or there is no such image", host)
		return answer
	}
	got, err := s.ask(ctx, http.MethodGet, s.base, "")
	failure, _ := errors.AsType[*Error](err)
	switch {
	case failure != nil && failure.Kind == Refused, err == nil && got.status == http.StatusUnauthorized:
		answer.Access = CredentialRefused
		answer.Why = fmt.Sprintf("%s doesn't take the credential", host)
	case err != nil:
		return failed(err, answer.Limit)
	default:
		answer.Why = fmt.Sprintf("%s takes the credential, and doesn't show this image to it: it lacks the right to pull it, or there is no such image", host)
	}
	return answer
}

// failed turns an error into an answer. A refusal is Denied until whyRefused
// knows more.
func failed(err error, limit *RateLimit) Answer {
	failure, ok := errors.AsType[*Error](err)
	if !ok {
		return Answer{Access: Unanswered, Why: "it can't be asked", Limit: limit}
	}
	answer := Answer{Access: Unusable, Status: failure.Status, Why: failure.Error(), Limit: limit}
	switch failure.Kind {
	case Refused:
		answer.Access = Denied
	case Unreachable:
		answer.Access = Unanswered
	case OffLimits:
		answer.Access = Blocked
	case Busy:
		answer.Access = Unanswered
		if failure.Status == http.StatusTooManyRequests {
			answer.Access = RateLimited
			answer.Limit = cmp.Or(failure.limit, limit, &RateLimit{Limit: -1, Remaining: -1})
			answer.Why += ": " + answer.Limit.String()
		}
	}
	return answer
}

// rateLimit reads the numbers of an answer, nil where it has none.
func rateLimit(got answer) *RateLimit {
	limit := RateLimit{Limit: -1, Remaining: -1}
	told := false
	for _, field := range []struct {
		name string
		into *int
	}{{"RateLimit-Limit", &limit.Limit}, {"RateLimit-Remaining", &limit.Remaining}} {
		number, parameters, _ := strings.Cut(got.header.Get(field.name), ";")
		// Some write each of their quotas behind the one that counts: "100, 100;w=60".
		number, _, _ = strings.Cut(number, ",")
		count, err := strconv.Atoi(strings.TrimSpace(number))
		if err != nil || count < 0 {
			continue
		}
		*field.into, told = count, true
		if window, ok := strings.CutPrefix(strings.TrimSpace(parameters), "w="); ok {
			if seconds, err := strconv.Atoi(window); err == nil && seconds > 0 && seconds <= 30*86400 {
				limit.Window = time.Duration(seconds) * time.Second
			}
		}
	}
	if got.status == http.StatusTooManyRequests {
		told = true
		if wait, ok := retryAfter(got.header); ok && wait > 0 {
			limit.RetryAfter = min(wait, longestRetry).Round(time.Second)
		}
	}
	if !told {
		return nil
	}
	return &limit
}
