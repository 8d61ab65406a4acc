//! A disk of a few megabytes, in memory.

use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Unmounted when dropped.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None where this user may not mount one; the test is then passed over, and says so.
    pub fn mount(size: &str) -> Option<SmallDisk> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={size}");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).output();
        if !mount.is_ok_and(|output| output.status.success()) {
            println!("passed over: this user may not mount a small disk");
            return None;
        }
        Some(SmallDisk(dir))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// To the brim, so that the next event does not fit; the log may have room of its own set aside.
    pub fn fill(&self) {
        let mut file = std::fs::File::create(self.path().join("ballast")).unwrap();
        while file.write_all(&[0_u8; 65_536]).is_ok() {}
    }

    /// The same, but for so many bytes.
    pub fn fill_but(&self, bytes: u64) {
        self.fill();
        let file = std::fs::File::options().write(true).open(self.path().join("ballast")).unwrap();
        file.set_len(file.metadata().unwrap().len() - bytes).unwrap();
    }

    pub fn free(&self) {
        std::fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
