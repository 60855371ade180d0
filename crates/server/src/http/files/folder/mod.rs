//! A folder, and how what is beneath it is opened: looked at before it is read, and nowhere else.

mod portable;
#[cfg(all(target_os = "linux", not(aerys_portable)))]
#[path = "linux.rs"]
mod system;

use std::{
    fs::{File, Metadata},
    io,
    path::PathBuf,
};

use super::name::Name;

#[cfg(not(all(target_os = "linux", not(aerys_portable))))]
use portable as system;

/// A document root.
///
/// It is found by its path anew each time, since it may be another folder by now: a link to the
/// latest version is moved on, a build empties it by making it again.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// Whether links may lead out of it.
    pub(super) follow_links: bool,
}

/// What there is of a name.
#[derive(Debug)]
pub(super) enum Entry {
    File(File, Metadata),
    Folder,
}

impl Folder {
    /// The folder that it is now.
    pub(super) fn enter(&self) -> io::Result<Root<'_>> {
        system::Root::new(self).map(Root)
    }
}

/// A folder that was entered.
pub(super) struct Root<'f>(system::Root<'f>);

impl Root<'_> {
    /// Opens a file to read. `None` if there is none as far as the world is concerned: also if it may
    /// not be read, or is neither a file nor a folder. May block for as long as the disk does.
    pub(super) fn open(&self, name: &Name) -> io::Result<Option<Entry>> {
        match self.0.open(name.as_path()) {
            Err(error) if is_missing(&error) => Ok(None),
            opened => opened,
        }
    }

    /// Opens a file, and nothing else that there may be of this name.
    pub(super) fn open_file(&self, name: &Name) -> io::Result<Option<(File, Metadata)>> {
        Ok(match self.open(name)? {
            Some(Entry::File(file, metadata)) => Some((file, metadata)),
            Some(Entry::Folder) | None => None,
        })
    }
}

/// Whether there is no such file: its name is too long or has a NUL in it, a file stands where a
/// folder would have to, links lead in a circle or out of the root, all included.
pub(super) fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound, PermissionDenied};
    let is_missing = matches!(
        error.kind(),
        NotFound | NotADirectory | PermissionDenied | InvalidFilename | InvalidInput
    );
    is_missing || is_loop(error)
}

/// Links in a circle, for which the standard library has no stable name.
#[cfg(unix)]
fn is_loop(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::LOOP)
}

#[cfg(not(unix))]
fn is_loop(_: &io::Error) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{fs, io::Read, os::unix::fs::symlink, path::Path};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    type Open = fn(&Folder, &Path) -> io::Result<Option<Entry>>;

    const WAYS: &[(&str, Open)] = &[
        ("portable", |folder, name| portable::Root::new(folder)?.open(name)),
        ("system", |folder, name| system::Root::new(folder)?.open(name)),
    ];

    /// A root with files and links, beside which there is a secret.
    fn tree() -> tempfile::TempDir {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        fs::create_dir_all(root.join("dir")).unwrap();
        fs::write(outer.path().join("secret"), "secret").unwrap();
        fs::write(root.join("file"), "file").unwrap();
        fs::write(root.join("dir/inner"), "inner").unwrap();
        for (target, link) in [
            ("file", "to-file"),
            ("to-file", "to-link"),
            ("dir", "to-dir"),
            ("../file", "dir/up"),
            ("../secret", "out"),
            ("../../secret", "dir/out"),
            ("..", "to-outer"),
            ("circle", "circle"),
            ("nothing", "dangling"),
            ("pipe", "to-pipe"),
            ("/dev/null", "to-device"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        symlink(root.join("file"), root.join("absolute")).unwrap();
        symlink(outer.path().join("secret"), root.join("absolute-out")).unwrap();
        let mode = Mode::RUSR | Mode::WUSR;
        mknodat(CWD, root.join("pipe"), FileType::Fifo, mode, 0).unwrap();
        std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        outer
    }

    /// What a file says, `folder`, or `none`.
    fn found(open: Open, folder: &Folder, name: &str) -> String {
        match open(folder, Path::new(name)) {
            Ok(Some(Entry::Folder)) => "folder".to_owned(),
            Ok(Some(Entry::File(mut file, metadata))) => {
                let mut content = String::new();
                file.read_to_string(&mut content).unwrap();
                assert_eq!(metadata.len(), content.len() as u64);
                content
            }
            Ok(None) => "none".to_owned(),
            Err(error) if is_missing(&error) => "none".to_owned(),
            Err(error) => panic!("{name}: {error}"),
        }
    }

    #[test]
    fn what_is_opened_is_a_file_beneath_the_root() {
        let outer = tree();
        let long = "x".repeat(5000);
        for (way, open) in WAYS {
            for follow_links in [false, true] {
                let folder = Folder { path: outer.path().join("root"), follow_links };
                let if_followed = |content| if follow_links { content } else { "none" };
                for (name, content) in [
                    (".", "folder"),
                    ("file", "file"),
                    ("dir", "folder"),
                    ("dir/inner", "inner"),
                    ("nothing", "none"),
                    ("file/more", "none"),
                    (&long, "none"),
                    ("pipe", "none"),
                    ("socket", "none"),
                    ("to-file", "file"),
                    ("to-link", "file"),
                    ("to-dir", "folder"),
                    ("to-dir/inner", "inner"),
                    ("dir/up", "file"),
                    ("absolute", "file"),
                    ("circle", "none"),
                    ("dangling", "none"),
                    ("to-pipe", "none"),
                    ("to-device", "none"),
                    ("out", if_followed("secret")),
                    ("dir/out", if_followed("secret")),
                    ("absolute-out", if_followed("secret")),
                    ("to-outer", if_followed("folder")),
                    ("to-outer/secret", if_followed("secret")),
                    ("to-outer/root/file", "file"),
                ] {
                    let said = format!("{way}, links {follow_links}: {name:.20}");
                    assert_eq!(found(*open, &folder, name), content, "{said}");
                }
            }
        }
    }

    #[test]
    fn the_root_itself_may_be_a_link_that_is_moved_on() {
        let outer = tree();
        let (link, folder) =
            (outer.path().join("current"), |path| Folder { path, follow_links: false });
        for (target, content) in [("root", "none"), ("root/dir", "inner")] {
            let _ = fs::remove_file(&link);
            symlink(target, &link).unwrap();
            for (way, open) in WAYS {
                assert_eq!(found(*open, &folder(link.clone()), "inner"), content, "{way}");
            }
        }
    }
}
