package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
)

// The floors are what the same work costs when nothing else is done. Their server is this program again,
// started with floorCommand, on the core of the product. The path of a request names the work, step by
// step: /update/sign. The answer is 200 bytes of JSON.
const (
	floorCommand = "floor"

	workSign       = "sign"        // one ES256 signature over 400 bytes
	workCheckES256 = "check-es256" // one ES256 verification over 400 bytes
	workCheckRS256 = "check-rs256" // one RS256 verification over 400 bytes, 2048 bits
	workRead       = "read"        // one row by its key
	workUpdate     = "update"      // one row by its key, in a group, durable (WAL, FULL)
	workInsert     = "insert"      // the same with a new row
	workHash       = "hash"        // one argon2id hash (19 MiB, 2 passes, 1 lane), one at a time

	// The same with PostgreSQL, each in one round trip.
	postgresWorks       = "pg-"
	workPGRead          = postgresWorks + "read"
	workPGUpdate        = postgresWorks + "update" // does not wait for the disk (synchronous_commit off)
	workPGUpdateDurable = postgresWorks + "update-durable"
	workPGInsert        = postgresWorks + "insert" // durable
)

const (
	floorConnections = 5   // as many as the product has on one core
	floorGroup       = 64  // updates in one transaction at most
	tokenBytes       = 400 // of header and payload of an access token, about
	responseBytes    = 200
)

// runFloor serves until ctx ends, from tables with so many rows. postgres is the URL of a database, "" for
// none. It prints its address when it is ready.
func runFloor(ctx context.Context, folder, rows, postgres string) (err error) {
	n, err := strconv.Atoi(rows)
	if err != nil {
		return err
	}
	f, err := newFloor(ctx, filepath.Join(folder, "floor.db"), n, postgres)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: f}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(listener) }) // ends with ErrServerClosed, by Close
	fmt.Println(listener.Addr())
	<-ctx.Done()
	err = server.Close()
	serving.Wait()
	return err
}

// floor is a server that does what a path says and nothing else.
type floor struct {
	works    map[string]work
	response []byte
	db       *sql.DB
	read     *sql.Stmt
	writer   *floorWriter
	postgres *floorPostgres
	rows     int
	turn     atomic.Uint64 // picks the row
	hashing  sync.Mutex
}

type work func(context.Context) error

func newFloor(ctx context.Context, file string, rows int, postgres string) (*floor, error) {
	f := &floor{rows: rows, response: []byte(`{"padding":"` + strings.Repeat("x", responseBytes-len(`{"padding":""}`)) + `"}`)}
	if err := f.open(ctx, file); err != nil {
		return nil, errors.Join(err, f.close())
	}
	signatures, err := signatureWorks()
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	f.works = map[string]work{
		workRead: func(ctx context.Context) error {
			var user []byte
			var gen, at int64
			var agent string
			return f.read.QueryRowContext(ctx, f.nextRow()).Scan(&user, &gen, &at, &agent)
		},
		workUpdate: func(context.Context) error { return f.writer.do(f.writer.update, f.nextRow()) },
		workInsert: func(context.Context) error {
			id := make([]byte, 16)
			rand.Read(id)
			return f.writer.do(f.writer.insert, id)
		},
		workHash: func(context.Context) error {
			f.hashing.Lock()
			defer f.hashing.Unlock()
			argon2.IDKey([]byte("correct horse"), []byte("sixteen bytes..."), 2, 19456, 1, 32)
			return nil
		},
	}
	maps.Copy(f.works, signatures)
	if postgres != "" {
		if f.postgres, err = openFloorPostgres(ctx, postgres, rows); err != nil {
			return nil, errors.Join(err, f.close())
		}
		maps.Copy(f.works, f.postgres.works(f.nextRow))
	}
	return f, nil
}

// signatureWorks sign and check the same message again and again.
func signatureWorks() (map[string]work, error) {
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	rsaSigner, err := newQuickRSA()
	if err != nil {
		return nil, err
	}
	message := make([]byte, tokenBytes)
	rand.Read(message)
	digest := sha256.Sum256(message)
	signature, err := ecdsa.SignASN1(rand.Reader, signer, digest[:])
	if err != nil {
		return nil, err
	}
	rsaSignature, err := rsaSigner.Sign(nil, digest[:], crypto.SHA256)
	return map[string]work{
		workSign: func(context.Context) error {
			digest := sha256.Sum256(message)
			_, err := ecdsa.SignASN1(rand.Reader, signer, digest[:])
			return err
		},
		workCheckES256: func(context.Context) error {
			digest := sha256.Sum256(message)
			return orWrong(ecdsa.VerifyASN1(&signer.PublicKey, digest[:], signature))
		},
		workCheckRS256: func(context.Context) error {
			digest := sha256.Sum256(message)
			return rsa.VerifyPKCS1v15(rsaSigner.public, crypto.SHA256, digest[:], rsaSignature)
		},
	}, err
}

func orWrong(ok bool) error {
	if !ok {
		return errors.New("wrong signature")
	}
	return nil
}

func (f *floor) nextRow() []byte { return rowID(int(f.turn.Add(1) % uint64(f.rows))) }

func rowID(n int) []byte {
	sum := sha256.Sum256(strconv.AppendInt(nil, int64(n), 10))
	return sum[:16]
}

// ServeHTTP does the works that the path names.
func (f *floor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name := range strings.SplitSeq(strings.Trim(r.URL.Path, "/"), "/") {
		if name == "" {
			continue
		}
		do, known := f.works[name]
		if !known {
			http.Error(w, "no such work", http.StatusNotFound)
			return
		}
		if err := do(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(f.response)))
	w.Write(f.response)
}

// open makes the table and its rows. Idle connections stay open.
func (f *floor) open(ctx context.Context, file string) (err error) {
	f.db, err = sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(wal)&_pragma=synchronous(full)")
	if err != nil {
		return err
	}
	f.db.SetMaxOpenConns(floorConnections)
	f.db.SetMaxIdleConns(floorConnections)
	_, err = f.db.ExecContext(ctx, `create table sessions (id blob primary key, user_id blob not null, gen integer not null,
		gen_at integer not null, agent text not null) without rowid`)
	if err != nil {
		return err
	}
	if f.writer, err = newFloorWriter(ctx, f.db); err != nil {
		return err
	}
	var filling sync.WaitGroup
	faults := make([]error, floorGroup)
	for w := range faults {
		filling.Go(func() {
			for n := w; n < f.rows && faults[w] == nil; n += floorGroup {
				faults[w] = f.writer.do(f.writer.insert, rowID(n))
			}
		})
	}
	filling.Wait()
	f.read, err = f.db.PrepareContext(ctx, "select user_id, gen, gen_at, agent from sessions where id = $1")
	return errors.Join(append(faults, err)...)
}

func (f *floor) close() error {
	var faults []error
	if f.writer != nil {
		faults = append(faults, f.writer.close())
	}
	if f.postgres != nil {
		faults = append(faults, f.postgres.close())
	}
	return errors.Join(append(faults, f.db.Close())...)
}

// floorWriter is group commit in its simplest form.
type floorWriter struct {
	conn                          *sql.Conn
	begin, commit, update, insert *sql.Stmt
	writes                        chan floorWrite
	done                          chan struct{}
}

type floorWrite struct {
	stmt   *sql.Stmt
	id     []byte
	answer chan error
}

func newFloorWriter(ctx context.Context, db *sql.DB) (*floorWriter, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &floorWriter{conn: conn, writes: make(chan floorWrite, floorGroup), done: make(chan struct{})}
	for _, s := range []struct {
		into **sql.Stmt
		text string
	}{
		{&w.begin, "begin immediate"},
		{&w.commit, "commit"},
		{&w.update, "update sessions set gen = gen + 1, gen_at = $2 where id = $1 returning gen"},
		{&w.insert, "insert into sessions (id, user_id, gen, gen_at, agent) values ($1, $1, 0, $2, 'Mozilla/5.0 (X11; Linux x86_64)') returning gen"},
	} {
		if *s.into, err = conn.PrepareContext(ctx, s.text); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	go w.run()
	return w, nil
}

// do waits until the write is durable.
func (w *floorWriter) do(stmt *sql.Stmt, id []byte) error {
	answer := make(chan error, 1)
	w.writes <- floorWrite{stmt, id, answer}
	return <-answer
}

func (w *floorWriter) run() {
	defer close(w.done)
	for first := range w.writes {
		group := []floorWrite{first}
		// On one core the scheduler runs this goroutine as soon as one request has come this far. The others that
		// could must come first, or every group is a group of one.
		runtime.Gosched()
		for len(group) < floorGroup && len(w.writes) > 0 {
			group = append(group, <-w.writes)
		}
		err := w.commitGroup(group)
		for _, one := range group {
			one.answer <- err
		}
	}
}

func (w *floorWriter) commitGroup(group []floorWrite) error {
	ctx := context.Background()
	if _, err := w.begin.ExecContext(ctx); err != nil {
		return err
	}
	now := time.Now().UnixMicro()
	for _, one := range group {
		var gen int64
		if err := one.stmt.QueryRowContext(ctx, one.id, now).Scan(&gen); err != nil {
			return err // every later group fails as well, and with it the measurement
		}
	}
	_, err := w.commit.ExecContext(ctx)
	return err
}

// close must come after the last do.
func (w *floorWriter) close() error {
	close(w.writes)
	<-w.done
	return w.conn.Close()
}

// floorProcess is the floor server, as the benchmark sees it.
type floorProcess struct {
	*process
	address string
}

func startFloor(ctx context.Context, core int, folder string, rows int, postgres string) (*floorProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self, floorCommand, folder, strconv.Itoa(rows), postgres) // ended by stop, not by a kill
	stdout, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdout.Close()
	cmd.Stdout, cmd.Stderr = write, os.Stderr
	p, err := startProcess(core, cmd)
	write.Close() // the child has its own
	if err != nil {
		return nil, fmt.Errorf("starting the floors: %w", err)
	}
	var address string
	if _, err := fmt.Fscanln(stdout, &address); err != nil {
		return nil, errors.Join(fmt.Errorf("the floors have not started: %w", err), p.stop())
	}
	return &floorProcess{p, address}, nil
}
