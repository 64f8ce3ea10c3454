"""What is done to copies so that nobody is betrayed by them: merging several, and changing one."""
