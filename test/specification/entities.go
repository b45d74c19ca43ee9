package specification

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

// createEntity makes what a test names.
func (r *run) createEntity(e bson.D) error {
	kind, spec := e[0].Key, e[0].Value.(bson.D)
	id := textAt(spec, "id")
	if _, taken := r.entities[id]; taken {
		return fmt.Errorf("there are two entities %s", id)
	}
	switch kind {
	case "client":
		return r.createClient(id, spec)
	case "database":
		c := r.entities[textAt(spec, "client")].(*clientEntity)
		s, err := settings(documentAt(spec, "databaseOptions"))
		if err != nil {
			return err
		}
		r.entities[id] = c.Database(textAt(spec, "databaseName")).With(s)
	case "collection":
		db := r.entities[textAt(spec, "database")].(*morton.Database)
		s, err := settings(documentAt(spec, "collectionOptions"))
		if err != nil {
			return err
		}
		r.entities[id] = morton.CollectionOf[bson.D](db, textAt(spec, "collectionName")).With(s)
	case "session":
		c := r.entities[textAt(spec, "client")].(*clientEntity)
		o, err := sessionOptions(documentAt(spec, "sessionOptions"))
		if err != nil {
			return err
		}
		s := c.Session(o)
		r.sessions = append(r.sessions, s)
		r.entities[id] = s
		var lsid bson.D
		if err := bson.Unmarshal(s.ID(), &lsid); err != nil {
			return err
		}
		r.lsids[id] = lsid
	case "bucket":
		return r.createBucket(id, spec)
	case "clientEncryption":
		return skip("client-side encryption")
	case "thread":
		r.entities[id] = r.startThread(r.ctx)
	default:
		return broken("entities of the kind " + kind)
	}
	return nil
}

func (r *run) createClient(id string, spec bson.D) error {
	u, err := url.Parse(r.server.uri)
	if err != nil {
		return err
	}
	query := u.Query()
	for _, e := range documentAt(spec, "uriOptions") {
		if tags, ok := e.Value.(bson.A); ok {
			for _, t := range tags {
				query.Add(e.Key, fmt.Sprint(t))
			}
			continue
		}
		query.Set(e.Key, fmt.Sprint(e.Value))
	}
	if query.Has("waitQueueSize") {
		return skip("the option waitQueueSize, which was removed from the specification of connection strings, does not exist")
	}
	if flagAt(documentAt(spec, "uriOptions"), "directConnection") {
		u.Host, _, _ = strings.Cut(u.Host, ",")
	}
	u.RawQuery = query.Encode()
	config, err := morton.ParseConfig(u.String())
	if err != nil {
		return err
	}
	if !query.Has("heartbeatFrequencyMS") {
		config.HeartbeatInterval = 500 * time.Millisecond
	}
	if !query.Has("minPoolSize") {
		config.MinPoolSize = 0 // the specification's default, on which tests count
	}
	if api := documentAt(spec, "serverApi"); api != nil {
		config.ServerAPI = &morton.ServerAPI{Version: textAt(api, "version")}
		if v, has := field(api, "strict"); has {
			b := v.(bool)
			config.ServerAPI.Strict = &b
		}
		if v, has := field(api, "deprecationErrors"); has {
			b := v.(bool)
			config.ServerAPI.DeprecationErrors = &b
		}
	}
	if _, has := field(spec, "autoEncryptOpts"); has {
		return skip("client-side encryption")
	}
	c := &clientEntity{id: id, observe: map[string]bool{}, ignore: map[string]bool{"configureFailPoint": true}, secret: flagAt(spec, "observeSensitiveCommands")}
	for _, v := range arrayAt(spec, "observeEvents") {
		c.observe[v.(string)] = true
	}
	for _, v := range arrayAt(spec, "ignoreCommandMonitoringEvents") {
		c.ignore[v.(string)] = true
	}
	r.entities[id] = c
	for _, v := range arrayAt(spec, "storeEventsAsEntities") {
		if err := r.storeEvents(c, v.(bson.D)); err != nil {
			return err
		}
	}
	if levels := documentAt(spec, "observeLogMessages"); levels != nil {
		if c.log, err = newLogKeeper(levels); err != nil {
			return err
		}
		config.Logger = slog.New(c.log)
	}
	config.Monitor = morton.Monitor{Command: c.command, Pool: c.pool, Topology: c.topology}
	if c.Client, err = morton.New(config); err != nil {
		return err
	}
	r.clients = append(r.clients, c)
	return nil
}

// settings reads readConcern, writeConcern and readPreference.
func settings(d bson.D) (s morton.Settings, err error) {
	for _, e := range d {
		switch e.Key {
		case "readConcern":
			s.ReadConcern = textAt(e.Value.(bson.D), "level")
		case "writeConcern":
			s.WriteConcern = writeConcern(e.Value.(bson.D))
		case "readPreference":
			s.ReadPreference = readPreference(e.Value.(bson.D))
		case "timeoutMS":
			timeout := milliseconds(e.Value)
			s.Timeout = &timeout
		default:
			return s, broken("option " + e.Key)
		}
	}
	return s, nil
}

func milliseconds(v any) time.Duration {
	n, _ := number(v)
	return time.Duration(n) * time.Millisecond
}

func writeConcern(d bson.D) *morton.WriteConcern {
	w := &morton.WriteConcern{}
	for _, e := range d {
		switch e.Key {
		case "w":
			if n, ok := number(e.Value); ok {
				w.W = int(n)
			} else {
				w.W = e.Value
			}
		case "journal", "j":
			b := e.Value.(bool)
			w.Journal = &b
		case "wtimeoutMS", "wtimeout":
			w.Timeout = milliseconds(e.Value)
		}
	}
	return w
}

func readPreference(d bson.D) *morton.ReadPreference {
	p := &morton.ReadPreference{Mode: textAt(d, "mode")}
	for _, v := range arrayAt(d, "tagSets") {
		tags := map[string]string{}
		for _, e := range v.(bson.D) {
			tags[e.Key] = fmt.Sprint(e.Value)
		}
		p.Tags = append(p.Tags, tags)
	}
	if v, has := field(d, "maxStalenessSeconds"); has {
		p.MaxStaleness = milliseconds(v) * 1000
	}
	return p
}

func sessionOptions(d bson.D) (o morton.SessionOptions, err error) {
	for _, e := range d {
		switch e.Key {
		case "causalConsistency":
			b := e.Value.(bool)
			o.CausalConsistency = &b
		case "snapshot":
			o.Snapshot = e.Value.(bool)
		case "defaultTransactionOptions":
			if o.Transaction, err = transactionOptions(e.Value.(bson.D)); err != nil {
				return o, err
			}
		default:
			return o, broken("option " + e.Key)
		}
	}
	return o, nil
}

func transactionOptions(d bson.D) (o morton.TransactionOptions, err error) {
	for _, e := range d {
		switch e.Key {
		case "readConcern":
			o.ReadConcern = textAt(e.Value.(bson.D), "level")
		case "writeConcern":
			o.WriteConcern = writeConcern(e.Value.(bson.D))
		case "readPreference":
			o.ReadPreference = readPreference(e.Value.(bson.D))
		case "maxCommitTimeMS":
			o.MaxCommitTime = milliseconds(e.Value)
		case "session":
		default:
			return o, broken("transaction option " + e.Key)
		}
	}
	return o, nil
}
