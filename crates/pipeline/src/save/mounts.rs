//! Which file system a folder is on, and whether a journal can be trusted to it.

use std::path::{Path, PathBuf};

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    point: PathBuf,
    /// Its type, for example `ext4`.
    pub(super) kind: String,
}

/// Locks and fsync mean little here: they may be answered by this machine alone, while another one
/// writes the same file.
const NETWORK: [&str; 19] = [
    "9p",
    "acfs",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "davfs",
    "gfs2",
    "glusterfs",
    "gpfs",
    "kafs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "orangefs",
    "smb3",
    "smbfs",
];

/// The same, for file systems that are programs.
const NETWORK_FUSE: [&str; 15] = [
    "blobfuse",
    "ceph",
    "curlftpfs",
    "gcsfuse",
    "gluster",
    "goofys",
    "jfs",
    "juicefs",
    "mfs",
    "mountpoint-s3",
    "rclone",
    "s3fs",
    "seaweedfs",
    "smb",
    "sshfs",
];

/// What is here goes with the container, or with the machine's power.
const FLEETING: [&str; 5] = ["aufs", "overlay", "ramfs", "rootfs", "tmpfs"];

impl Mount {
    /// Finds the mount that holds `path`, an absolute path without links, in the text of
    /// `/proc/self/mountinfo`.
    pub(super) fn of(path: &Path, mountinfo: &str) -> Option<Self> {
        let mounts = mountinfo.lines().filter_map(Self::parse);
        // Of several at the same place the last one hides the others.
        mounts
            .filter(|mount| path.starts_with(&mount.point))
            .max_by_key(|mount| mount.point.components().count())
    }

    /// `36 35 98:0 /root /mnt/point rw,noatime master:1 - ext4 /dev/root rw`, with any number of words
    /// before the dash; see `proc_pid_mountinfo(5)`.
    fn parse(line: &str) -> Option<Self> {
        let (place, what) = line.split_once(" - ")?;
        Some(Self {
            point: unescape(place.split(' ').nth(4)?).into(),
            kind: what.split(' ').next()?.to_owned(),
        })
    }

    /// Other machines may have it mounted too.
    pub(super) fn is_network(&self) -> bool {
        match self.kind.split_once('.') {
            Some(("fuse", program)) => NETWORK_FUSE.iter().any(|it| program.starts_with(it)),
            _ => NETWORK.contains(&self.kind.as_str()),
        }
    }

    /// What is written here outlives the container and a reboot.
    pub(super) fn is_durable(&self) -> bool {
        !FLEETING.contains(&self.kind.as_str())
    }
}

/// Space, tab, newline and backslash stand as three octal digits.
fn unescape(word: &str) -> String {
    let mut pieces = word.split('\\');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let code = piece.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(code) = code {
            out.push(char::from(code));
            out.push_str(&piece[3..]);
        } else {
            out.push('\\');
            out.push_str(piece);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = r"
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - overlay overlay rw,lowerdir=/a:/b
40 27 8:1 /data /var/lib/tidings rw,relatime shared:1 master:2 - ext4 /dev/sda1 rw
41 27 0:50 / /mnt/with\040space rw - nfs4 server:/export rw,vers=4.2
42 27 0:51 / /mnt rw - tmpfs tmpfs rw
43 42 0:52 / /mnt rw - xfs /dev/sdb rw
44 27 0:53 / /var/lib rw - fuse.s3fs s3fs rw
broken line
";

    fn check(path: &str, kind: &str, network: bool, durable: bool) {
        let mount = Mount::of(Path::new(path), INFO).unwrap();
        assert_eq!(
            (mount.kind.as_str(), mount.is_network(), mount.is_durable()),
            (kind, network, durable)
        );
    }

    #[test]
    fn the_longest_mount_point_holds_the_path_and_the_last_one_hides_others() {
        check("/var/lib/tidings/deep", "ext4", false, true);
        check("/var/lib/tidings-2", "fuse.s3fs", true, true);
        check("/mnt/with space/x", "nfs4", true, true);
        check("/mnt/with", "xfs", false, true);
        check("/home", "overlay", false, false);
        assert_eq!(Mount::of(Path::new("/x"), ""), None);
    }

    #[test]
    fn network_file_systems_are_known_by_their_type() {
        let is_network = |kind: &str| Mount { point: "/".into(), kind: kind.into() }.is_network();
        let network = "nfs nfs4 cifs smb3 9p ceph glusterfs lustre afs fuse.sshfs fuse.s3fs \
                       fuse.glusterfs fuse.gcsfuse fuse.ceph-fuse fuse.mountpoint-s3";
        assert_eq!(network.split_whitespace().find(|kind| !is_network(kind)), None);
        let local = "ext4 xfs btrfs zfs overlay tmpfs f2fs virtiofs fuse.fuse-overlayfs fuseblk";
        assert_eq!(local.split_whitespace().find(|kind| is_network(kind)), None);
    }
}
