package replay

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"

	"purchases/analytics/internal/database"
)

// candidate is the database that is being built.
type candidate struct {
	*database.Building
	number   int64 // of the replay
	released bool  // it is closed, and about to be swapped in
}

// What a row of the table replays says of its result.
const (
	building  = "building"
	inPlace   = "in place"
	same      = "same"
	different = "different"
)

// What a replay builds from, as the table replays has it.
const (
	fromLog    = "log"
	fromEvents = "rollups"
)

// resumeState is what an interrupted replay has written down.
type resumeState struct {
	Plan    string
	Carried int64 // below 0 until all is taken over
	Records int64 // stored, with those that were taken over
}

// findBuild finds out what to do with what an interrupted replay has left.
func (p *Plan) findBuild(ctx context.Context) error {
	file, there := database.FindBuild(ctx, p.Path)
	if p.Build = file; !there {
		return nil
	}
	found, why, err := p.whyNotResumable(ctx)
	switch {
	case err != nil:
		return err
	case why != "":
		p.Resume = "starting from scratch, because " + why
	default:
		p.resumed = &found
		p.Resume = fmt.Sprintf("resuming after the %d records that an interrupted replay stored", found.Records)
	}
	return nil
}

// whyNotResumable says why the interrupted build is of no use; empty when it is of use.
func (p *Plan) whyNotResumable(ctx context.Context) (found resumeState, why string, err error) {
	db, err := database.OpenBuilding(p.Build)
	if err != nil {
		return found, fmt.Sprintf("the file of an interrupted replay cannot be opened (%v)", err), nil
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.GetContext(ctx, &found,
		`SELECT plan, carried, (SELECT ifnull(sum(records), 0) FROM internal_partitions) AS records FROM internal_replays
			ORDER BY replay DESC LIMIT 1`)
	if errors.Is(err, sql.ErrNoRows) {
		return found, "an interrupted replay had only just begun", nil
	}
	if err != nil { // as after a power cut
		return found, fmt.Sprintf("the file of an interrupted replay cannot be read (%v)", err), nil
	}
	text, err := p.fingerprint()
	switch {
	case err != nil:
		return found, "", err
	case found.Plan != text:
		return found, "an interrupted replay had another plan or program, or the machine has rebooted since", nil
	case found.Carried < 0:
		return found, "an interrupted replay did not finish copying records from the current database", nil
	}
	next, err := positions(ctx, db)
	for partition, at := range next {
		if p.comparable() && at > p.old.positions[partition] {
			return found, "an interrupted replay has read past the current database, so the two cannot be compared", err
		}
	}
	return found, "", err
}

// fingerprint is the same for two plans that build the same. The program is a part of
// it: another one may store other things. So is the time since the machine was
// started, for which what is being built is on the disk.
func (p *Plan) fingerprint() (string, error) {
	program, err := fingerprintProgram()
	text := fmt.Sprintf("%s and %s", p.Topics.Events, p.Topics.DeadLetters)
	if p.KeepMissing {
		text += ", missing records kept"
	}
	if p.Damage != nil {
		text += ", old database damaged"
	}
	return text + ", by program " + program + ", since boot " + database.BootID(), err
}

func fingerprintProgram() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read this program: %w", err)
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", fmt.Errorf("read this program: %w", err)
	}
	return fmt.Sprintf("%x", hash.Sum(nil)[:8]), nil
}

// open opens the interrupted build, or begins a new one.
func (p *Plan) open(ctx context.Context) (_ *candidate, err error) {
	var begin func(string) error
	created := false
	defer func() {
		if err != nil && created { // nobody would know it again
			err = errors.Join(err, database.Remove(p.Build))
		}
	}()
	if p.resumed == nil {
		begin = p.createAnew(ctx, &created)
	}
	db, err := database.Build(ctx, p.Build, begin)
	if err != nil {
		return nil, err
	}
	s := &candidate{Building: db, number: p.old.replays + 1}
	if p.resumed != nil {
		return s, nil
	}
	text, err := p.fingerprint()
	if err == nil {
		err = db.Claim(ctx, p.Path)
	}
	if err == nil {
		err = s.begin(ctx, fromLog, text)
	}
	if err == nil && p.old.zone != nil {
		err = p.old.zone.Save(ctx, s.DB)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// createAnew makes the file of the build, and says that it has.
func (p *Plan) createAnew(ctx context.Context, created *bool) func(string) error {
	return func(file string) error {
		err := database.CreateAnew(ctx, file, p.Path)
		*created = err == nil
		return err
	}
}
